import { openDatabase, openWakeups } from '@waybill/postgres';
import { testDatabase } from '@waybill/testkit/postgres';
import { eventStoreContract } from '../contract-suite.js';
import { openPostgresEventStore } from './index.js';

eventStoreContract('PostgreSQL', async () => {
  const { url, drop } = await testDatabase();
  const closers: (() => Promise<void>)[] = [];
  return {
    async openStore() {
      const database = await openDatabase({ url, schema: 'log', maxConnections: 3 });
      const wakeups = openWakeups(url);
      const store = await openPostgresEventStore({ database, wakeups });
      closers.push(async () => {
        await store.close();
        await wakeups.close();
        await database.close();
      });
      return store;
    },
    async close() {
      await Promise.all(closers.map((close) => close()));
      await drop();
    },
  };
});
