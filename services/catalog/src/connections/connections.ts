import {
  AccountConnected,
  AccountDisconnected,
  DestinationCreated,
  DestinationDeleted,
  readMessage,
} from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import { DATABASE, type Listener } from '@waybill/service-kit';
import type { Database, Migration } from '@waybill/postgres';
import { Inject, Injectable } from '@nestjs/common';

export const connectionMigrations: readonly Migration[] = [
  {
    name: '001-connections',
    sql: `create table connections (
            kind text not null, id uuid not null, tenant text not null, sandbox text not null, type text not null,
            present boolean not null, revision int not null,
            primary key (kind, id));
          create index on connections (tenant, sandbox) where present`,
  },
];

export interface ConnectionCounts {
  readonly accounts: number;
  readonly destinations: number;
}

/** What a tenant has connected, by destination type; told by the services that own accounts and destinations. */
@Injectable()
export class Connections implements Listener {
  readonly listensTo = [
    AccountConnected.type,
    AccountDisconnected.type,
    DestinationCreated.type,
    DestinationDeleted.type,
  ];

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async receive(message: ReceivedMessage): Promise<void> {
    switch (message.type) {
      case AccountConnected.type: {
        const { accountId, type, revision } = readMessage(AccountConnected, message.data);
        return this.note(message, 'account', accountId, type, true, revision);
      }
      case AccountDisconnected.type: {
        const { accountId, type, revision } = readMessage(AccountDisconnected, message.data);
        return this.note(message, 'account', accountId, type, false, revision);
      }
      case DestinationCreated.type: {
        const { destinationId, type, revision } = readMessage(DestinationCreated, message.data);
        return this.note(message, 'destination', destinationId, type, true, revision);
      }
      case DestinationDeleted.type: {
        const { destinationId, type, revision } = readMessage(DestinationDeleted, message.data);
        return this.note(message, 'destination', destinationId, type, false, revision);
      }
    }
  }

  /** Revisions make a repeated message harmless. */
  private async note(
    scope: Scope,
    kind: string,
    id: string,
    type: string,
    present: boolean,
    revision: number,
  ): Promise<void> {
    await this.database.pool.query(
      `insert into connections as known (kind, id, tenant, sandbox, type, present, revision) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (kind, id) do update set present = excluded.present, revision = excluded.revision
       where known.revision < excluded.revision`,
      [kind, id, scope.tenant, scope.sandbox, type, present, revision],
    );
  }

  async countsByType({ tenant, sandbox }: Scope): Promise<ReadonlyMap<string, ConnectionCounts>> {
    const { rows } = await this.database.pool.query<ConnectionCounts & { type: string }>(
      `select type, (count(*) filter (where kind = 'account'))::int as accounts,
              (count(*) filter (where kind = 'destination'))::int as destinations
       from connections where tenant = $1 and sandbox = $2 and present group by type`,
      [tenant, sandbox],
    );
    return new Map(rows.map(({ type, ...counts }) => [type, counts]));
  }
}
