import { specOf } from '@waybill/event-store/decider-spec';
import { fold } from '@waybill/kernel';
import fc from 'fast-check';
import { fileNameOfPart, type Run, type RunCommand, runDecider, type RunEvent, viewOfRun } from './index.js';
import {
  AT,
  begun,
  cancellationRequested,
  cancelled,
  content,
  credentials,
  failed,
  manifestPublished,
  manifestStaged,
  nothing,
  partDone,
  partPublished,
  partStaged,
  partVerified,
  plan,
  planned,
  problem,
  requested,
  retried,
  staged,
  started,
  tally,
} from './testing/histories.js';

const given = specOf(runDecider);
const after = (...events: readonly RunEvent[]): Run => {
  const state = fold(runDecider, events);
  if (state.status === 'none') throw new Error('the run was not requested');
  return state;
};

const stage = (part: number, more = false): RunCommand => ({
  type: 'StagePart',
  attempt: 1,
  part,
  ...content(part, more),
});
const publish = (part: number): RunCommand => ({ type: 'PublishPart', attempt: 1, part, outcome: 'published' });
const verify = (part: number): RunCommand => ({ type: 'VerifyPart', attempt: 1, part, verification: 'checksum' });
const setAside = (reason: 'name-taken' | 'staged-file-lost' | 'verification-failed', part = 1): RunCommand => ({
  type: 'SetPartAside',
  attempt: 1,
  part,
  reason,
});
const stageManifest: RunCommand = { type: 'StageManifest', attempt: 1, ...staged('/in/manifest-d-r.json') };
const publishManifest: RunCommand = { type: 'PublishManifest', attempt: 1, outcome: 'published' };
const complete: RunCommand = { type: 'CompleteRun', attempt: 1, at: AT };
const fail: RunCommand = { type: 'FailRun', attempt: 1, problem, at: AT };
const requestCancellation: RunCommand = { type: 'RequestCancellation', reason: 'asked for', at: AT };
const cancel: RunCommand = { type: 'CancelRun', attempt: 1, at: AT };
const start: RunCommand = { type: 'StartRun', worker: 'w', at: AT };
const request: RunCommand = {
  type: 'RequestRun',
  runId: 'r',
  destinationId: 'd',
  segmentId: 's',
  mode: 'full',
  trigger: { kind: 'manual' },
  at: AT,
};
const setAsideFor = (reason: 'name-taken' | 'staged-file-lost' | 'verification-failed'): RunEvent => ({
  type: 'PartSetAside',
  data: { attempt: 1, part: 1, reason, path: '/in/Inbox_s.csv.gz.pgp' },
});

describe('A run', () => {
  it('is requested once, however often its slot is looked at', () => {
    given([]).when(request).then([requested]);
    given([requested]).when(request).thenNothing();
  });

  it('is started, planned, and so on to its end', () => {
    given([requested]).when(start).then([started()]);
    given([requested, started()]).when({ type: 'PlanRun', attempt: 1, plan, credentials }).then([planned()]);
    given(begun)
      .when(stage(1, true))
      .then([partStaged(1, true)]);
    given([...begun, partStaged(1, true)])
      .when(publish(1))
      .then([partPublished(1)]);
    given([...begun, partStaged(1, true), partPublished(1)])
      .when(verify(1))
      .then([partVerified(1)]);
    given([...begun, ...partDone(1, true)])
      .when(stage(2))
      .then([partStaged(2)]);
    given([...begun, ...partDone(1)])
      .when(stageManifest)
      .then([manifestStaged]);
    given([...begun, ...partDone(1), manifestStaged])
      .when(publishManifest)
      .then([manifestPublished]);
    given([...begun, ...partDone(1, true), ...partDone(2), manifestStaged, manifestPublished])
      .when(complete)
      .then([
        {
          type: 'RunCompleted',
          data: {
            attempt: 1,
            counts: { read: 7, written: 4, skipped: 3, failed: 0, exited: 0 },
            skippedBecause: { 'required:email': 3 },
            totals: { files: 2, rows: 4, bytes: 200, contentBytes: 600 },
            watermark: '42',
            finishedAt: AT,
          },
        },
      ]);
  });

  it('does without a manifest where the destination wants none', () => {
    const bare = [requested, started(), planned({ files: { ...plan.files, manifest: false } }), ...partDone(1)];
    given(bare).when(stageManifest).thenRefuses('run-step-out-of-order');
    expect(runDecider.decide(complete, fold(runDecider, bare))).toMatchObject([{ type: 'RunCompleted' }]);
  });

  it('without a row to deliver has no file, and its manifest', () => {
    given(begun)
      .when({ type: 'RecordNothing', attempt: 1, ...tally(0, 4) })
      .then([nothing]);
    given([...begun, nothing])
      .when(stage(1))
      .thenRefuses('run-step-out-of-order');
    given([...begun, nothing])
      .when(stageManifest)
      .then([manifestStaged]);
    expect(viewOfRun(after(...begun, nothing))).toMatchObject({ files: [], counts: { read: 4, skipped: 4 } });
  });

  it('whose last rows are gone before they were read ends with the parts that it has', () => {
    const short = [...begun, ...partDone(1, true)];
    given(short)
      .when({ type: 'RecordNothing', attempt: 1, ...tally(0, 4) })
      .then([nothing]);
    given([...short, nothing])
      .when(stageManifest)
      .then([manifestStaged]);
    expect(viewOfRun(after(...short, nothing))).toMatchObject({ files: [{ rows: 2 }], counts: { written: 2 } });
  });

  it('that does not exist is not found', () => {
    given([]).when(start).thenRefuses('run-not-found');
    given([]).when(requestCancellation).thenRefuses('run-not-found');
    given([]).when({ type: 'RetryRun', at: AT }).thenRefuses('run-not-found');
  });
});

describe('The order of publication', () => {
  it.each<[string, readonly RunEvent[], RunCommand]>([
    ['a part before the plan', [requested, started()], stage(1)],
    ['a second plan', begun, { type: 'PlanRun', attempt: 1, plan, credentials }],
    ['a part out of turn', begun, stage(2)],
    ['a part before the last one is verified', [...begun, partStaged(1, true), partPublished(1)], stage(2)],
    ['a part after the last one', [...begun, ...partDone(1)], stage(2)],
    ['a publication before its part is staged', begun, publish(1)],
    ['a verification before the publication', [...begun, partStaged(1)], verify(1)],
    ['the manifest before the last part is verified', [...begun, partStaged(1), partPublished(1)], stageManifest],
    ['the manifest while more is to come', [...begun, ...partDone(1, true)], stageManifest],
    ['the manifest of a run that read nothing yet', begun, stageManifest],
    ['the publication of a manifest that is not staged', [...begun, ...partDone(1)], publishManifest],
    ['the end before the manifest', [...begun, ...partDone(1), manifestStaged], complete],
    ['the end before all parts', [...begun, ...partDone(1, true), manifestStaged, manifestPublished], complete],
    ['nothing to deliver beside a part', [...begun, partStaged(1)], { type: 'RecordNothing', attempt: 1, ...tally(0) }],
    ['nothing after the last part', [...begun, ...partDone(1)], { type: 'RecordNothing', attempt: 1, ...tally(0) }],
  ])('never lets come %s', (_, events, command) => {
    given(events).when(command).thenRefuses('run-step-out-of-order');
  });

  it('takes a step that is on record already for what it is', () => {
    given([...begun, partStaged(1), partPublished(1)])
      .when(publish(1))
      .thenNothing();
    given([...begun, ...partDone(1)])
      .when(verify(1))
      .thenNothing();
    given([...begun, ...partDone(1), manifestStaged, manifestPublished])
      .when(publishManifest)
      .thenNothing();
  });
});

describe('A part that cannot be published', () => {
  it('gets another name when its own is taken', () => {
    given([...begun, partStaged(1)])
      .when(setAside('name-taken'))
      .then([setAsideFor('name-taken')]);
    const run = after(...begun, partStaged(1), setAsideFor('name-taken'));
    expect(run).toMatchObject({ parts: [], next: { revision: 2 } });
    expect(fileNameOfPart(plan, 1, run.next.revision)).toBe('Inbox_s_r2.csv.gz.pgp');
  });

  it('keeps its name when the partner removed our temporary file', () => {
    expect(after(...begun, partStaged(1), setAsideFor('staged-file-lost')).next).toEqual({ revision: 1, setAside: 1 });
  });

  it('that is published is set aside only when it cannot be verified', () => {
    given([...begun, partStaged(1), partPublished(1)])
      .when(setAside('name-taken'))
      .thenRefuses('run-step-out-of-order');
    given([...begun, partStaged(1)])
      .when(setAside('verification-failed'))
      .thenRefuses('run-step-out-of-order');
    given([...begun, partStaged(1), partPublished(1)])
      .when(setAside('verification-failed'))
      .then([setAsideFor('verification-failed')]);
  });

  it('is given up in the end', () => {
    const fought = Array.from({ length: 5 }, () => [partStaged(1), setAsideFor('name-taken')]).flat();
    given([...begun, ...fought, partStaged(1)])
      .when(setAside('name-taken'))
      .thenRefuses('part-set-aside-too-often');
  });

  it('leaves the next part its own name', () => {
    const events = [...begun, partStaged(1, true), setAsideFor('name-taken'), ...partDone(1, true)];
    expect(after(...events)).toMatchObject({ parts: [{ part: 1, revision: 2 }], next: { revision: 1, setAside: 0 } });
  });
});

describe('A worker', () => {
  const takenOver = [...begun, partStaged(1, true), started(2)];

  it('that takes a run over goes on from where it stands', () => {
    given([...begun, partStaged(1, true)])
      .when(start)
      .then([started(2)]);
    given(takenOver)
      .when({ ...publish(1), attempt: 2 } as RunCommand)
      .then([{ type: 'PartPublished', data: { attempt: 2, part: 1, outcome: 'published' } }]);
  });

  it.each<RunCommand>([
    stage(2),
    publish(1),
    verify(1),
    setAside('name-taken'),
    stageManifest,
    publishManifest,
    complete,
    fail,
    cancel,
  ])('that was believed dead may write no more: $type', (command) => {
    given(takenOver).when(command).thenRefuses('run-attempt-superseded');
  });

  it('may not write before it started the run', () => {
    given([requested])
      .when({ ...fail, attempt: 0 })
      .thenRefuses('run-attempt-superseded');
  });

  it('says when it works with other credentials than the attempt before', () => {
    const rotated = { ...credentials, secretRef: 'ref2', credentialsFingerprint: 'c2' };
    given(begun).when({ type: 'UseCredentials', attempt: 1, credentials }).thenNothing();
    given(begun)
      .when({ type: 'UseCredentials', attempt: 1, credentials: rotated })
      .then([{ type: 'RunCredentialsChanged', data: { attempt: 1, credentials: rotated } }]);
  });

  it('goes on with another encryption key, but never without one, or with the first one', () => {
    const other = { ...credentials, keyFingerprint: 'k2' };
    const none = { ...credentials, keyFingerprint: null };
    given(begun)
      .when({ type: 'UseCredentials', attempt: 1, credentials: other })
      .then([{ type: 'RunCredentialsChanged', data: { attempt: 1, credentials: other } }]);
    given(begun).when({ type: 'UseCredentials', attempt: 1, credentials: none }).thenRefuses('encryption-changed');
    const bare: RunEvent = { type: 'RunPlanned', data: { attempt: 1, plan, credentials: none } };
    given([requested, started(), bare])
      .when({ type: 'UseCredentials', attempt: 1, credentials })
      .thenRefuses('encryption-changed');
  });
});

describe('A failed run', () => {
  const history = [...begun, ...partDone(1, true), partStaged(2), failed];

  it('says why', () => {
    given(begun).when(fail).then([failed]);
    expect(viewOfRun(after(...history))).toMatchObject({ status: 'failed', failure: problem });
  });

  it('is retried, keeps what is published, and goes on with what is staged', () => {
    given(history).when({ type: 'RetryRun', at: AT }).then([retried]);
    const later = (days: number) => new Date(Date.parse(AT) + days * 86_400_000 + 1).toISOString();
    given(history)
      .when({ type: 'RetryRun', at: later(30) })
      .thenRefuses('run-too-old-to-retry');
    given(history)
      .when({ type: 'RetryRun', at: later(29) })
      .then([{ type: 'RunRetried', data: { retriedAt: later(29) } }]);
    const run = after(...history, retried, started(2));
    expect(run).toMatchObject({ status: 'running', attempt: 2, problem: null, finishedAt: null, plan });
    expect(run.parts.map(({ part, published }) => [part, published !== null])).toEqual([
      [1, true],
      [2, false],
    ]);
    given([...history, retried, started(2)])
      .when({ ...publish(2), attempt: 2 } as RunCommand)
      .then([{ type: 'PartPublished', data: { attempt: 2, part: 2, outcome: 'published' } }]);
  });

  it('remembers what it is retried after until its part is settled', () => {
    const again = [...history, retried, started(2)];
    expect(after(...again).retriedAfter).toBe(problem.slug);
    expect(after(...again, partPublished(2), setAsideFor('verification-failed')).retriedAfter).toBeNull();
  });

  it('is the only one that can be retried', () => {
    for (const events of [begun, [...begun, cancellationRequested, cancelled]]) {
      given(events).when({ type: 'RetryRun', at: AT }).thenRefuses('run-not-failed');
    }
  });

  it('takes no step and no cancellation', () => {
    given(history).when(publish(2)).thenRefuses('run-ended');
    given(history).when(requestCancellation).thenRefuses('run-ended');
    given(history).when(start).thenRefuses('run-ended');
  });
});

describe('A run to be cancelled', () => {
  it('that nobody began is cancelled at once', () => {
    given([requested])
      .when(requestCancellation)
      .then([cancellationRequested, { type: 'RunCancelled', data: { attempt: 0, finishedAt: AT } }]);
  });

  it('that runs is stopped by its worker, who cleans up first', () => {
    given(begun).when(requestCancellation).then([cancellationRequested]);
    given([...begun, cancellationRequested])
      .when(requestCancellation)
      .thenNothing();
    given([...begun, cancellationRequested])
      .when(stage(1))
      .thenRefuses('run-cancellation-requested');
    given([...begun, ...partDone(1), cancellationRequested])
      .when(stageManifest)
      .thenRefuses('run-cancellation-requested');
    given([...begun, cancellationRequested])
      .when(cancel)
      .then([cancelled]);
  });

  it('that waits for its retry leaves its worker something to clean up', () => {
    given([...begun, partStaged(1), failed, retried])
      .when(requestCancellation)
      .then([cancellationRequested]);
    given([...begun, partStaged(1), failed, retried, cancellationRequested])
      .when(start)
      .then([started(2)]);
  });

  it('still tells of the publication that was under way', () => {
    given([...begun, partStaged(1), cancellationRequested])
      .when(publish(1))
      .then([partPublished(1)]);
    expect(viewOfRun(after(...begun, partStaged(1), cancellationRequested, partPublished(1), cancelled))).toMatchObject(
      {
        status: 'cancelled',
        files: [{ rows: 2 }],
        manifest: null,
      },
    );
  });

  it('that has its manifest is complete', () => {
    const whole = [...begun, ...partDone(1), manifestStaged, manifestPublished, cancellationRequested];
    given(whole).when(cancel).thenRefuses('run-step-out-of-order');
    expect(runDecider.decide(complete, fold(runDecider, whole))).toMatchObject([{ type: 'RunCompleted' }]);
  });

  it('is not cancelled without being asked', () => {
    given(begun).when(cancel).thenRefuses('run-step-out-of-order');
  });
});

describe('A run as a caller sees it', () => {
  it('has as files only what has its final name', () => {
    expect(viewOfRun(after(...begun, ...partDone(1, true), partStaged(2)))).toEqual({
      id: 'r',
      destinationId: 'd',
      segmentId: 's',
      status: 'running',
      mode: 'full',
      counts: { read: 3, written: 2, skipped: 1, failed: 0, exited: 0 },
      skippedBecause: { 'required:email': 1 },
      files: [
        {
          path: '/in/Inbox_s.csv.gz.pgp',
          rows: 2,
          bytes: 100,
          sha256: 'a'.repeat(64),
          contentSha256: 'b'.repeat(64),
          contentBytes: 300,
          keyFingerprint: 'k1',
        },
      ],
      manifest: null,
      startedAt: AT,
      finishedAt: null,
    });
  });
});

describe('Whatever workers try, in whatever order', () => {
  const steps = [
    start,
    stage(1, true),
    stage(1),
    stage(2),
    stage(3, true),
    publish(1),
    publish(2),
    publish(3),
    verify(1),
    verify(2),
    verify(3),
  ];
  const others = [
    setAside('name-taken'),
    setAside('staged-file-lost', 2),
    stageManifest,
    publishManifest,
    complete,
    fail,
    requestCancellation,
    cancel,
  ];
  const planRun: RunCommand = { type: 'PlanRun', attempt: 1, plan, credentials };
  const recordNothing: RunCommand = { type: 'RecordNothing', attempt: 1, ...tally(0) };
  const retry: RunCommand = { type: 'RetryRun', at: AT };

  it('no manifest comes before its files, no part twice, and no run completes without both', () => {
    const commands = [...steps, ...others, planRun, recordNothing, retry];
    let completed = 0;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...commands), { minLength: 20, maxLength: 200, size: 'max' }),
        fc.boolean(),
        (tries, whole) => {
          const script = whole
            ? [stage(1, true), publish(1), verify(1), stage(2), publish(2), verify(2), stageManifest, publishManifest]
            : [];
          const mixed = tries.flatMap((command, index) => [command, ...script.slice(index, index + 1)]);
          const log: RunEvent[] = [...begun];
          for (const command of mixed) {
            const state = after(...log);
            const current = 'attempt' in command ? { ...command, attempt: state.attempt } : command;
            try {
              log.push(...runDecider.decide(current, state));
            } catch {
              continue;
            }
          }
          const types = log.map(({ type }) => type);
          const run = after(...log);
          expect(new Set(run.parts.map(({ path }) => path)).size).toBe(run.parts.length);
          const manifestAt = types.indexOf('ManifestPublished');
          if (manifestAt >= 0) {
            expect(types.slice(manifestAt)).not.toContain('PartPublished');
            expect(run.parts.every(({ verification }) => verification !== null)).toBe(true);
          }
          if (types.includes('RunCompleted')) {
            completed += 1;
            expect(manifestAt).toBeGreaterThanOrEqual(0);
            expect(types.at(-1)).toBe('RunCompleted');
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(completed).toBeGreaterThan(0);
  });
});
