import { openDatabase } from '@waybill/postgres';
import { testDatabase } from '@waybill/testkit/postgres';
import { openInbox } from '../../inbox.js';
import type { MessageHandler } from '../../port.js';

/** Handlers whose effect is a row, written together with the inbox: what a service does. */
export interface Effects {
  readonly handle: MessageHandler;
  count(): Promise<number>;
  /** Keys whose effects are not those of the messages 0, 1, 2, … once each and in that order. */
  disordered(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const openEffects = async (): Promise<Effects> => {
  const server = await testDatabase();
  const database = await openDatabase({ url: server.url, schema: 'effects', maxConnections: 12 });
  const inbox = await openInbox(database);
  await database.pool.query(
    'create table effects (number bigserial primary key, key text not null, index int not null)',
  );
  return {
    async handle({ id, subject, data }) {
      await database.transaction(async (client) => {
        if (!(await inbox.once(client, 'effects', id))) return;
        const { index } = data as { readonly index: number };
        await client.query('insert into effects (key, index) values ($1, $2)', [subject, index]);
      });
    },
    async count() {
      const { rows } = await database.pool.query<{ count: number }>('select count(*)::int as count from effects');
      return rows[0]?.count ?? 0;
    },
    async disordered() {
      const { rows } = await database.pool.query<{ key: string }>(
        `select distinct key from (
           select key, index, row_number() over (partition by key order by number) - 1 as place from effects) placed
         where index <> place`,
      );
      return rows.map(({ key }) => key);
    },
    async close() {
      await inbox.close();
      await database.close();
      await server.drop();
    },
  };
};
