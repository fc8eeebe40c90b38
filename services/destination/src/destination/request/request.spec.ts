import { specOf } from '@waybill/event-store/decider-spec';
import { fold } from '@waybill/kernel';
import fc from 'fast-check';
import {
  type AccountFacts,
  type Change,
  type DestinationRequestCommand,
  destinationRequestDecider,
  type DestinationRequestEvent,
  targetRejected,
} from './index.js';

const creation: Change = {
  kind: 'creation',
  type: 'sftp',
  delivers: 'files',
  name: 'Inbox',
  description: '',
  marketingActions: ['emailTargeting'],
  target: { folder: '/in' },
  files: null,
};
const account: AccountFacts = { method: 'password', authentication: { host: 'h' }, secretRef: 'ref', findings: {} };
const claim = { requestId: 'r', destinationId: 'd', accountId: 'a' };
const open: DestinationRequestCommand = { type: 'OpenDestinationRequest', ...claim, change: creation };
const opened = (change: Change = creation): DestinationRequestEvent => ({
  type: 'DestinationRequestOpened',
  data: { ...claim, change },
});
const requestProof: DestinationRequestCommand = { type: 'RequestTargetProof', validationId: 'v', account };
const proofRequested: DestinationRequestEvent = {
  type: 'TargetProofRequested',
  data: { validationId: 'v', ...account },
};
const accept: DestinationRequestCommand = { type: 'AcceptDestinationRequest' };
const accepted: DestinationRequestEvent = { type: 'DestinationRequestAccepted', data: {} };
const problem = { slug: 'account-not-found', kind: 'not-found', detail: 'There is no such account.' } as const;
const reject: DestinationRequestCommand = { type: 'RejectDestinationRequest', problem };
const rejected: DestinationRequestEvent = { type: 'DestinationRequestRejected', data: { problem } };
const actions: Change = { kind: 'marketing-actions', marketingActions: ['analytics'] };

const after = (...events: readonly DestinationRequestEvent[]) => fold(destinationRequestDecider, events);
const given = specOf(destinationRequestDecider);

describe('A destination request', () => {
  it('claims what it would use before anybody is asked', () => {
    given([]).when(open).then([opened()]);
    expect(after(opened())).toEqual({ status: 'open', ...claim, change: creation });
  });

  it('names each marketing action once', () => {
    const change = { ...creation, marketingActions: ['a', 'b', 'a'] };
    given([])
      .when({ ...open, change })
      .thenRefuses('marketing-actions-repeated');
  });

  it('has its target proven with the account as its owner described it', () => {
    given([opened()]).when(requestProof).then([proofRequested]);
    expect(after(opened(), proofRequested)).toMatchObject({
      status: 'proving',
      validationId: 'v',
      account,
      change: creation,
    });
  });

  it('that concerns marketing actions alone has no target to prove', () => {
    given([opened(actions)])
      .when(requestProof)
      .thenNothing();
    given([opened(actions)])
      .when(accept)
      .then([accepted]);
  });

  it('is accepted or rejected, before or after the proof began', () => {
    for (const history of [[opened()], [opened(), proofRequested]]) {
      given(history).when(accept).then([accepted]);
      given(history).when(reject).then([rejected]);
    }
    expect(after(opened(), rejected)).toMatchObject({ status: 'rejected', problem });
  });

  it.each([
    ['accepted', accepted],
    ['rejected', rejected],
  ])('that is %s hears nothing more', (_, end) => {
    for (const command of [open, requestProof, accept, reject]) {
      given([opened(), proofRequested, end]).when(command).thenNothing();
    }
  });

  it('that was never opened is not settled', () => {
    for (const command of [requestProof, accept, reject]) given([]).when(command).thenNothing();
  });
});

describe('A rejected target', () => {
  it('is told by the checks that failed and counted', () => {
    const check = { name: 'write', call: 'SSH_FXP_WRITE', resource: '/in', code: 'x', durationMs: 1 };
    const checks = [
      { ...check, outcome: 'passed', message: 'Connected.', remedy: '' },
      { ...check, outcome: 'failed', message: 'The folder /in does not exist.', remedy: 'Make it, or name another.' },
      { ...check, outcome: 'failed', optional: true, message: 'No fsync.', remedy: '' },
    ] as const;
    expect(targetRejected(checks)).toEqual({
      slug: 'target-rejected',
      kind: 'refused',
      detail:
        'The target could not be proven, so nothing was changed. The folder /in does not exist. Make it, or name another.',
      checks,
    });
  });
});

it('No order of events makes evolve throw', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(opened(), opened(actions), proofRequested, accepted, rejected)), (history) => {
      expect(after(...history).status).toBeDefined();
    }),
  );
});
