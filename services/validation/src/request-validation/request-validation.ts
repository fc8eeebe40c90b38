import { Inject, Injectable } from '@nestjs/common';
import {
  AccountConnectionRequested,
  CredentialsRotationRequested,
  type DataOf,
  ProveAccount,
  ProveTarget,
  readMessage,
} from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import { type Answerer, contextAfter, type Listener, SERVICE, type Service } from '@waybill/service-kit';
import { Prover } from '../prove/prover.js';
import { streamOf, validationStream } from '../stream.js';
import type { Claim } from '../validation/index.js';

/** Records what is to be proven and sets the prover on it, without waiting: a proof may take as long as a partner's server does. */
@Injectable()
export class Requests {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(Prover) private readonly prover: Prover,
  ) {}

  async record(message: ReceivedMessage, validationId: string, claim: Claim): Promise<void> {
    const stream = streamOf(validationId);
    await this.service.execute(
      validationStream,
      stream,
      { type: 'RequestValidation', validationId, claim },
      contextAfter(message),
    );
    this.prover.begin(stream, message);
  }
}

const credentialsOf = ({
  accountId,
  type,
  method,
  authentication,
  secretRef,
  findings,
}: DataOf<typeof ProveAccount>): Claim => ({
  subject: { kind: 'account', accountId },
  type,
  method,
  authentication,
  secretRef,
  findings,
});

/** An account that wants to be connected, or to rotate, has its credentials proven. */
@Injectable()
export class ValidateRequestedAccounts implements Listener {
  readonly listensTo = [AccountConnectionRequested.type, CredentialsRotationRequested.type];

  constructor(@Inject(Requests) private readonly requests: Requests) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const contract =
      message.type === AccountConnectionRequested.type ? AccountConnectionRequested : CredentialsRotationRequested;
    const data = readMessage(contract, message.data);
    await this.requests.record(message, data.validationId, credentialsOf(data));
  }
}

@Injectable()
export class AcceptProveAccount implements Answerer {
  readonly answers = ProveAccount.type;

  constructor(@Inject(Requests) private readonly requests: Requests) {}

  async answer(message: ReceivedMessage): Promise<object> {
    const data = readMessage(ProveAccount, message.data);
    await this.requests.record(message, data.validationId, credentialsOf(data));
    return {};
  }
}

@Injectable()
export class AcceptProveTarget implements Answerer {
  readonly answers = ProveTarget.type;

  constructor(@Inject(Requests) private readonly requests: Requests) {}

  async answer(message: ReceivedMessage): Promise<object> {
    const {
      validationId,
      destinationId,
      target,
      testRecord = false,
      ...credentials
    } = readMessage(ProveTarget, message.data);
    const { accountId } = credentials;
    await this.requests.record(message, validationId, {
      ...credentialsOf({ ...credentials, validationId }),
      subject: { kind: 'target', accountId, destinationId },
      target,
      ...(testRecord && { testRecord }),
    });
    return {};
  }
}
