import pg from 'pg';
import { eventually } from './eventually.js';
import type { Waybill } from './waybill.js';

/** A Waybill that waits for ever in the middle of an append. */
export interface HeldLog {
  /** Resolves when something waits there. */
  reached(): Promise<void>;
  /** To be called when the process is dead, and before it is started again: what waited was never written. */
  release(): Promise<void>;
}

/** From here on no event of this type is written to delivery's log, nor anything behind it. */
export const holdBefore = async (waybill: Waybill, eventType: string): Promise<HeldLog> => {
  const client = new pg.Client({ connectionString: waybill.databaseUrl });
  await client.connect();
  await client.query(`
    create function delivery.hold() returns trigger language plpgsql as $$
      begin perform pg_sleep(600); return new; end $$;
    create trigger hold before insert on delivery.events for each row when (new.type = '${eventType}')
      execute function delivery.hold()`);
  return {
    reached: async () => {
      const asleep = `select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`;
      await eventually(
        () => client.query(asleep),
        ({ rowCount }) => rowCount === 1,
      );
    },
    release: async () => {
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
                          where datname = current_database() and pid <> pg_backend_pid()`);
      await client.query('drop function delivery.hold cascade');
      await client.end();
    },
  };
};
