import { specOf } from '@waybill/event-store/decider-spec';
import { fold } from '@waybill/kernel';
import fc from 'fast-check';
import {
  type Claim,
  type RecordReport,
  type ValidationCommand,
  validationDecider,
  type ValidationEvent,
} from './index.js';

const ofAccount: Claim = {
  subject: { kind: 'account', accountId: 'a' },
  type: 'sftp',
  method: 'password',
  authentication: { host: 'sftp.partner.example' },
  secretRef: 'ref-1',
  findings: {},
};
const ofTarget: Claim = {
  ...ofAccount,
  subject: { kind: 'target', accountId: 'a', destinationId: 'd' },
  target: { folder: '/in' },
};
const check = {
  name: 'write',
  outcome: 'passed',
  call: 'SSH_FXP_WRITE',
  resource: 'sftp://sftp.partner.example:22/in',
  code: 'ok',
  message: 'Written.',
  remedy: '',
  durationMs: 7,
} as const;
const report = { startedAt: '2026-11-22T08:00:00Z', finishedAt: '2026-11-22T08:00:01Z', checks: [check] };
const findings = { fsync: true };
const passed: RecordReport = { type: 'RecordReport', outcome: 'passed', findings, ...report };
const failed: RecordReport = { type: 'RecordReport', outcome: 'failed', findings: {}, ...report };

const requested = (claim: Claim): ValidationEvent => ({
  type: 'ValidationRequested',
  data: { validationId: 'v', ...claim },
});
const after = (...events: readonly ValidationEvent[]) => fold(validationDecider, events);
const given = specOf(validationDecider);
const decide = (events: readonly ValidationEvent[], command: ValidationCommand) =>
  validationDecider.decide(command, fold(validationDecider, events));

describe('A validation', () => {
  it('is requested once, however often the request arrives', () => {
    const request: ValidationCommand = { type: 'RequestValidation', validationId: 'v', claim: ofAccount };
    given([])
      .when(request)
      .then([requested(ofAccount)]);
    given([requested(ofAccount)])
      .when(request)
      .thenNothing();
  });

  it.each([
    [
      'an account that passed',
      ofAccount,
      passed,
      { type: 'CredentialsValidated', data: { ...report, findings } },
      'passed',
    ],
    ['an account that failed', ofAccount, failed, { type: 'CredentialsRejected', data: report }, 'failed'],
    ['a target that passed', ofTarget, passed, { type: 'TargetValidated', data: { ...report, findings } }, 'passed'],
    ['a target that failed', ofTarget, failed, { type: 'TargetRejected', data: report }, 'failed'],
  ] as const)('keeps the report of %s', (_, claim, command, event, status) => {
    given([requested(claim)])
      .when(command)
      .then([event]);
    expect(after(requested(claim), event)).toEqual({ status, validationId: 'v', claim, report: event.data });
  });

  it('tells the host key that nobody has confirmed', () => {
    const unconfirmedHostKey = { fingerprint: 'SHA256:abc', algorithm: 'ssh-ed25519' };
    expect(decide([requested(ofAccount)], { ...failed, unconfirmedHostKey })).toMatchObject([
      { data: { unconfirmedHostKey } },
    ]);
  });

  it('has one outcome: the second proof of a request that came twice is not kept', () => {
    const [event] = decide([requested(ofTarget)], passed);
    expect(event && decide([requested(ofTarget), event], failed)).toEqual([]);
  });

  it('clips what a provider had to say, so that a report fits into an event', () => {
    const events = decide([requested(ofAccount)], {
      ...failed,
      checks: [{ ...check, message: 'x'.repeat(100_000) }],
    });
    expect(JSON.stringify(events).length).toBeLessThan(2000);
  });

  it('that was never requested has no report', () => {
    given([]).when(passed).thenRefuses('validation-not-found');
  });
});

it('No order of events makes evolve throw', () => {
  const events: ValidationEvent[] = [
    requested(ofAccount),
    { type: 'CredentialsValidated', data: { ...report, findings } },
    { type: 'TargetRejected', data: report },
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events)), (history) => {
      expect(after(...history).status).toBeDefined();
    }),
  );
});
