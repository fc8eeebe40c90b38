import { Inject, Injectable } from '@nestjs/common';
import {
  CheckMarketingActions,
  DescribeAccount,
  DestinationRequestOpened,
  problemOf,
  ProveTarget,
  readMessage,
  TargetProofRequested,
  TargetRejected,
  TargetValidated,
} from '@waybill/contracts';
import { isWaybillError, WaybillError } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import { contextAfter, type Listener, SERVICE, type Service } from '@waybill/service-kit';
import type { DestinationCommand } from '../destination/index.js';
import {
  type DestinationRequestCommand,
  type DestinationRequestState,
  targetRejected,
} from '../destination/request/index.js';
import { requestStream, requestStreamOf } from '../stream.js';
import { Destinations } from '../view/destinations.js';

type Pending = Extract<DestinationRequestState, { status: 'open' | 'proving' }>;

/**
 * Takes a request from its claim to its end: the owners of account and marketing actions are asked, the target is proven, the
 * destination is changed, and the request is accepted; or rejected with its problem. Each step follows from an event of the
 * log, so a process that dies in the middle goes on after a restart; each may come twice.
 */
@Injectable()
export class PursueRequest implements Listener {
  readonly listensTo = [
    DestinationRequestOpened.type,
    TargetProofRequested.type,
    TargetValidated.type,
    TargetRejected.type,
  ];

  constructor(
    @Inject(Destinations) private readonly destinations: Destinations,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    switch (message.type) {
      case DestinationRequestOpened.type:
        return this.orReject(message, readMessage(DestinationRequestOpened, message.data).requestId, (request) =>
          this.agree(message, request),
        );
      case TargetProofRequested.type:
        return this.orReject(message, readMessage(TargetProofRequested, message.data).requestId, (request) =>
          this.prove(message, request),
        );
      case TargetValidated.type: {
        const { validationId, findings } = readMessage(TargetValidated, message.data);
        return this.orReject(message, validationId, (request) =>
          this.conclude(message, request, { validationId, findings }),
        );
      }
      case TargetRejected.type: {
        const { validationId, checks, unconfirmedHostKey } = readMessage(TargetRejected, message.data);
        await this.advance(message, validationId, {
          type: 'RejectDestinationRequest',
          problem: targetRejected(checks, unconfirmedHostKey),
        });
      }
    }
  }

  /** The account must be usable and the marketing actions known; whoever takes them away from now on sees the claim. */
  private async agree(message: ReceivedMessage, { requestId, accountId, change }: Pending): Promise<void> {
    if (change.kind !== 'target' && change.marketingActions.length > 0) {
      const { actions } = await this.service.ask(CheckMarketingActions, { names: change.marketingActions }, message);
      const refused = actions.filter(({ status }) => status !== 'known');
      if (refused.length > 0) throw marketingActionsRefused(refused);
    }
    if (change.kind === 'marketing-actions') return this.conclude(message, await this.pending(message, requestId));

    const account = await this.service.ask(DescribeAccount, { accountId }, message);
    if (account.status !== 'connected') throw accountNotUsable(account.name);
    const { method, authentication, secretRef, findings } = account;
    await this.advance(message, requestId, {
      type: 'RequestTargetProof',
      validationId: requestId,
      account: { method, authentication, secretRef, findings },
    });
  }

  private async prove(message: ReceivedMessage, request: Pending): Promise<void> {
    if (request.status !== 'proving' || request.change.kind === 'marketing-actions') return;
    const { requestId, validationId, accountId, destinationId, account, change } = request;
    const claim = { validationId, accountId, destinationId, type: change.type, target: change.target, ...account };
    await this.service.send(ProveTarget, claim, message, requestStreamOf(requestId));
  }

  private async conclude(message: ReceivedMessage, request: Pending | undefined, proof?: Proof): Promise<void> {
    if (!request) return;
    await this.destinations.execute(request.destinationId, changeOf(request, proof), contextAfter(message, 'change'));
    await this.advance(message, request.requestId, { type: 'AcceptDestinationRequest' });
  }

  private async advance(
    message: ReceivedMessage,
    requestId: string,
    command: DestinationRequestCommand,
  ): Promise<void> {
    await this.service.execute(requestStream, requestStreamOf(requestId), command, contextAfter(message, command.type));
  }

  private async pending(message: ReceivedMessage, requestId: string): Promise<Pending | undefined> {
    const { state } = await this.service.load(requestStream, requestStreamOf(requestId), message);
    return state.status === 'open' || state.status === 'proving' ? state : undefined;
  }

  /** A refusal ends the request; what may pass (a service that does not answer) is thrown, and the message comes again. */
  private async orReject(
    message: ReceivedMessage,
    requestId: string,
    step: (request: Pending) => Promise<void>,
  ): Promise<void> {
    const request = await this.pending(message, requestId);
    if (!request) return;
    try {
      await step(request);
    } catch (error) {
      if (!isWaybillError(error) || error.kind === 'unavailable' || error.kind === 'internal') throw error;
      await this.advance(message, requestId, { type: 'RejectDestinationRequest', problem: problemOf(error) });
    }
  }
}

interface Proof {
  readonly validationId: string;
  readonly findings: Readonly<Record<string, string | number | boolean | null>>;
}

const changeOf = ({ requestId, destinationId, accountId, change }: Pending, proof?: Proof): DestinationCommand => {
  if (change.kind === 'marketing-actions') {
    return { type: 'ChangeMarketingActions', requestId, marketingActions: change.marketingActions };
  }
  if (!proof) throw new Error('a target is changed by its proof alone');
  if (change.kind === 'target') return { type: 'ChangeTarget', requestId, target: change.target, ...proof };
  const { kind: _, type: destinationType, ...rest } = change;
  return { type: 'CreateDestination', requestId, destinationId, accountId, destinationType, ...rest, ...proof };
};

const accountNotUsable = (name: string) =>
  new WaybillError(
    'account-disconnecting',
    'conflict',
    `The account "${name}" is being disconnected. Take another account.`,
  );

const marketingActionsRefused = (refused: readonly { readonly name: string; readonly status: string }[]) => {
  const names = refused
    .map(({ name, status }) => (status === 'unknown' ? `"${name}"` : `"${name}" (being removed)`))
    .join(', ');
  return new WaybillError(
    'marketing-action-unknown',
    'refused',
    `There is no marketing action ${names}. GET /v1/marketing-actions lists those that may be stated.`,
    {
      fields: refused.map(({ name }) => ({
        path: 'marketingActions',
        message: `there is no marketing action "${name}"`,
      })),
    },
  );
};
