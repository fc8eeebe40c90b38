import type { Check, HostKey, Problem } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';
import type { AccountFacts, Change, DestinationRequestEvent } from './events.js';
import type { DestinationRequestState } from './state.js';

/**
 * Claims the account and the marketing actions before their owners are asked. Who removes one of them records that first and
 * asks for uses then: at least one of the two sees the other, so that never both win.
 */
export interface OpenDestinationRequest {
  readonly type: 'OpenDestinationRequest';
  readonly requestId: string;
  readonly destinationId: string;
  readonly accountId: string;
  readonly change: Change;
}
/** The owners agreed; now the target has to be proven with the account as it is. */
export interface RequestTargetProof {
  readonly type: 'RequestTargetProof';
  readonly validationId: string;
  readonly account: AccountFacts;
}
/** The change stands in the destination's own stream: the claim has become a use. */
export interface AcceptDestinationRequest {
  readonly type: 'AcceptDestinationRequest';
}
export interface RejectDestinationRequest {
  readonly type: 'RejectDestinationRequest';
  readonly problem: Problem;
}
export type DestinationRequestCommand =
  OpenDestinationRequest | RequestTargetProof | AcceptDestinationRequest | RejectDestinationRequest;

/** What a caller gets for a target that failed its proof. */
export const targetRejected = (checks: readonly Check[], unconfirmedHostKey?: HostKey): Problem => {
  const failed = checks.filter(({ outcome, optional }) => outcome === 'failed' && !optional);
  const reasons = failed.map(({ message, remedy }) => `${message} ${remedy}`.trim()).join(' ');
  return {
    slug: 'target-rejected',
    kind: 'refused',
    detail: `The target could not be proven, so nothing was changed. ${reasons}`.trim(),
    checks,
    ...(unconfirmedHostKey && { extra: { unconfirmedHostKey } }),
  };
};

const checkMarketingActions = (change: Change): void => {
  if (change.kind === 'target') return;
  const repeated = change.marketingActions.find((name, index, names) => names.indexOf(name) !== index);
  if (repeated === undefined) return;
  const message = `names "${repeated}" twice`;
  throw new WaybillError(
    'marketing-actions-repeated',
    'refused',
    `The list of marketing actions ${message}. Name each one once.`,
    {
      fields: [{ path: 'marketingActions', message }],
    },
  );
};

const open = (command: OpenDestinationRequest, state: DestinationRequestState): readonly DestinationRequestEvent[] => {
  if (state.status !== 'none') return [];
  checkMarketingActions(command.change);
  const { type: _, ...data } = command;
  return [{ type: 'DestinationRequestOpened', data }];
};

const requestProof = (
  command: RequestTargetProof,
  state: DestinationRequestState,
): readonly DestinationRequestEvent[] => {
  if (state.status !== 'open' || state.change.kind === 'marketing-actions') return [];
  return [{ type: 'TargetProofRequested', data: { validationId: command.validationId, ...command.account } }];
};

/** Every step is taken at least once, by whoever is there after a crash: one that came too late changes nothing. */
export const decide = (
  command: DestinationRequestCommand,
  state: DestinationRequestState,
): readonly DestinationRequestEvent[] => {
  const pending = state.status === 'open' || state.status === 'proving';
  switch (command.type) {
    case 'OpenDestinationRequest':
      return open(command, state);
    case 'RequestTargetProof':
      return requestProof(command, state);
    case 'AcceptDestinationRequest':
      return pending ? [{ type: 'DestinationRequestAccepted', data: {} }] : [];
    case 'RejectDestinationRequest':
      return pending ? [{ type: 'DestinationRequestRejected', data: { problem: command.problem } }] : [];
  }
};
