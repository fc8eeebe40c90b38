import * as contracts from '@waybill/contracts';
import { idOf, type RecordedEvent } from '@waybill/kernel';
import { as, type Publications } from '@waybill/service-kit';
import { type Run, type RunEvent, totalsOf } from '../run/index.js';
import type { DiscardEvent } from '../discard/index.js';
import type { Redelivery, RedeliveryEvent } from '../redelivery/index.js';
import { discardStream, redeliveryStream, runStream, streamRunStream } from '../stream.js';
import type { StreamRun, StreamRunEvent } from '../stream-run/index.js';

type Recorded<Type extends RunEvent['type']> = RecordedEvent<Extract<RunEvent, { type: Type }>>;

const about = ({ stream, revision }: RecordedEvent, { destinationId, segmentId }: Run) => ({
  runId: idOf(stream),
  revision,
  destinationId,
  segmentId,
});

/** The life of runs, for dashboards. Temporary names, secrets' references and the like stay inside. */
export const runPublications: Publications = {
  streamType: runStream,
  byEvent: {
    RunRequested: as(contracts.RunRequested, (event: Recorded<'RunRequested'>, run: Run) => ({
      ...about(event, run),
      mode: event.data.mode,
      trigger: event.data.trigger,
    })),
    RunStarted: as(contracts.RunStarted, (event: Recorded<'RunStarted'>, run: Run) => ({
      ...about(event, run),
      attempt: event.data.attempt,
    })),
    PartPublished: as(contracts.FilePublished, (event: Recorded<'PartPublished'>, run: Run) => {
      const { part, path, rows, bytes, sha256 } = run.parts.find(({ part: number }) => number === event.data.part)!;
      return { ...about(event, run), part, path, rows, bytes, sha256 };
    }),
    RunCompleted: as(contracts.RunCompleted, (event: Recorded<'RunCompleted'>, run: Run) => ({
      ...about(event, run),
      counts: event.data.counts,
      files: run.parts.length,
      bytes: totalsOf(run.parts).bytes,
      manifest: run.manifest && { path: run.manifest.path, sha256: run.manifest.sha256 },
      watermark: event.data.watermark,
    })),
    RunFailed: as(contracts.RunFailed, (event: Recorded<'RunFailed'>, run: Run) => ({
      ...about(event, run),
      problem: event.data.problem,
    })),
    RunCancelled: as(contracts.RunCancelled, (event: Recorded<'RunCancelled'>, run: Run) => about(event, run)),
    RunRetried: as(contracts.RunRetried, (event: Recorded<'RunRetried'>, run: Run) => about(event, run)),
  },
};

type RecordedOfStream<Type extends StreamRunEvent['type']> = RecordedEvent<Extract<StreamRunEvent, { type: Type }>>;

const aboutStream = ({ stream, revision }: RecordedEvent, { destinationId }: StreamRun) => ({
  runId: idOf(stream),
  revision,
  destinationId,
});

/** The hours of streams, for the same dashboards. */
export const streamRunPublications: Publications = {
  streamType: streamRunStream,
  byEvent: {
    StreamRunStarted: as(contracts.StreamRunStarted, (event: RecordedOfStream<'StreamRunStarted'>, run: StreamRun) => ({
      ...aboutStream(event, run),
      segmentIds: event.data.segmentIds,
      from: event.data.from,
      to: event.data.to,
    })),
    StreamRunProgressed: as(
      contracts.StreamRunProgressed,
      (event: RecordedOfStream<'StreamRunProgressed'>, run: StreamRun) => ({
        ...aboutStream(event, run),
        counts: event.data.counts,
      }),
    ),
    StreamRunCompleted: as(
      contracts.StreamRunCompleted,
      (event: RecordedOfStream<'StreamRunCompleted'>, run: StreamRun) => ({
        ...aboutStream(event, run),
        counts: event.data.counts,
      }),
    ),
  },
};

type RecordedRedelivery<Type extends RedeliveryEvent['type']> = RecordedEvent<Extract<RedeliveryEvent, { type: Type }>>;

const aboutRedelivery = ({ stream, revision }: RecordedEvent, { destinationId }: Redelivery) => ({
  redeliveryId: idOf(stream),
  revision,
  destinationId,
});

/** That dead letters are delivered again, for auditors; delivery itself begins with it. */
export const redeliveryPublications: Publications = {
  streamType: redeliveryStream,
  byEvent: {
    RedeliveryRequested: as(
      contracts.RedeliveryRequested,
      (event: RecordedRedelivery<'RedeliveryRequested'>, redelivery: Redelivery) => ({
        ...aboutRedelivery(event, redelivery),
        filter: event.data.filter,
        deadLetters: event.data.deadLetters,
      }),
    ),
    RedeliveryCompleted: as(
      contracts.RedeliveryCompleted,
      (event: RecordedRedelivery<'RedeliveryCompleted'>, redelivery: Redelivery) => ({
        ...aboutRedelivery(event, redelivery),
        counts: event.data.counts,
      }),
    ),
  },
};

/** That dead letters were given up for good, for auditors; delivery itself deletes them by it. */
export const discardPublications: Publications = {
  streamType: discardStream,
  byEvent: {
    DeadLettersDiscarded: as(contracts.DeadLettersDiscarded, ({ revision, data }: RecordedEvent<DiscardEvent>) => ({
      revision,
      ...data,
    })),
  },
};
