import { Inject, Injectable } from '@nestjs/common';
import { type CommandContext, type Scope, WaybillError } from '@waybill/kernel';
import { type Executed, type Loaded, Outcome, SERVICE, type Service } from '@waybill/service-kit';
import {
  type AccountCommand,
  accountNotFound,
  type AccountState,
  isStanding,
  type Standing,
} from '../account/index.js';
import { credentialsRejected } from '../credentials-rejected.js';
import { DestinationCounts } from '../count-destinations/destination-counts.js';
import { accountStream, streamOf } from '../stream.js';
import { accountView, type AccountView } from './account.view.js';

export interface ConnectingView {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly status: 'connecting';
}

const accountRejected = ({ message, checks }: WaybillError): WaybillError =>
  new WaybillError('account-not-found', 'not-found', `The account was not connected. ${message}`, {
    ...(checks && { checks }),
  });

/** The account aggregate as the slices use it: load, execute, answer. */
@Injectable()
export class Accounts {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DestinationCounts) private readonly counts: DestinationCounts,
  ) {}

  load(scope: Scope, accountId: string): Promise<Loaded<AccountState>> {
    return this.service.load(accountStream, streamOf(accountId), scope);
  }

  /** One that is connected, or `account-not-found`. */
  async standing(scope: Scope, accountId: string): Promise<Loaded<AccountState> & { readonly state: Standing }> {
    const loaded = await this.load(scope, accountId);
    if (!isStanding(loaded.state)) throw accountNotFound();
    return { ...loaded, state: loaded.state };
  }

  execute(accountId: string, command: AccountCommand, context: CommandContext): Promise<Executed<AccountState>> {
    return this.service.execute(accountStream, streamOf(accountId), command, context);
  }

  /** Waits until the account is as asked; undefined when the time is over first. */
  settled(
    scope: Scope,
    accountId: string,
    isSettled: (state: AccountState) => boolean,
    waitMs: number,
  ): Promise<Loaded<AccountState> | undefined> {
    return this.service.settled(accountStream, streamOf(accountId), scope, isSettled, waitMs);
  }

  /** The account, or how far its connection is: `connecting`; a rejected one is not found, and the checks say why. */
  async look(scope: Scope, accountId: string): Promise<AccountView | ConnectingView> {
    const { state } = await this.load(scope, accountId);
    if (state.status === 'connecting') {
      const { type, name, status } = state;
      return { id: accountId, type, name, status };
    }
    if (state.status === 'rejected') throw accountRejected(credentialsRejected(state));
    return this.view(scope, accountId);
  }

  async view(scope: Scope, accountId: string): Promise<AccountView> {
    const loaded = await this.standing(scope, accountId);
    const counts = await this.counts.of(scope, [accountId]);
    return accountView(loaded.state, loaded, counts.get(accountId) ?? 0);
  }

  /** What a command that changed an account answers. */
  async answer(scope: Scope, accountId: string, status = 200): Promise<Outcome<AccountView>> {
    const { position } = await this.standing(scope, accountId);
    const body = await this.view(scope, accountId);
    return new Outcome(body, {
      status,
      revision: body.revision,
      position,
      ...(status === 201 ? { location: `/v1/accounts/${accountId}` } : {}),
    });
  }
}
