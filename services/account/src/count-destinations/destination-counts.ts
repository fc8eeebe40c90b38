import { Inject, Injectable } from '@nestjs/common';
import { DestinationCreated, DestinationDeleted, readMessage } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE, type Listener } from '@waybill/service-kit';

export const destinationCountMigrations: readonly Migration[] = [
  {
    name: '001-destinations-of-accounts',
    sql: `create table destinations_of_accounts (
            destination_id uuid primary key, account_id uuid not null, tenant text not null, sandbox text not null,
            present boolean not null);
          create index on destinations_of_accounts (account_id) where present`,
  },
];

/** How many destinations use an account, for people to see; a removal asks the destination service itself. */
@Injectable()
export class DestinationCounts implements Listener {
  readonly listensTo = [DestinationCreated.type, DestinationDeleted.type];

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const present = message.type === DestinationCreated.type;
    const { destinationId, accountId } = present
      ? readMessage(DestinationCreated, message.data)
      : readMessage(DestinationDeleted, message.data);
    // A deletion is final, so a creation that comes twice changes nothing after it.
    await this.database.pool.query(
      `insert into destinations_of_accounts as known (destination_id, account_id, tenant, sandbox, present)
       values ($1, $2, $3, $4, $5)
       on conflict (destination_id) do update set present = known.present and excluded.present`,
      [destinationId, accountId, message.tenant, message.sandbox, present],
    );
  }

  async of({ tenant, sandbox }: Scope, accountIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.pool.query<{ account_id: string; count: number }>(
      `select account_id, count(*)::int as count from destinations_of_accounts
       where account_id = any($1) and tenant = $2 and sandbox = $3 and present group by account_id`,
      [accountIds, tenant, sandbox],
    );
    return new Map(rows.map(({ account_id, count }) => [account_id, count]));
  }
}
