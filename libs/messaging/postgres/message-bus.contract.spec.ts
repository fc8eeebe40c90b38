import { openDatabase, openWakeups } from '@waybill/postgres';
import { testDatabase } from '@waybill/testkit/postgres';
import { type BusHarness, messageBusContract } from '../contract-suite.js';
import type { MessageBus } from '../port.js';
import { openPostgresMessageBus } from './message-bus.js';

/** Long enough for a machine that is busy: what it lapses under is handled twice. */
const LEASE_MS = 5_000;

const open = async (): Promise<BusHarness> => {
  const server = await testDatabase();
  const processes = new Map<MessageBus, { close(): Promise<void>; kill(): void }>();
  return {
    async openBus() {
      const database = await openDatabase({ url: server.url, schema: 'messaging', maxConnections: 4 });
      const wakeups = openWakeups(server.url);
      const bus = await openPostgresMessageBus({ database, wakeups, times: { leaseMs: LEASE_MS, graceMs: 2_000 } });
      const leave = bus.close.bind(bus);
      bus.close = async () => {
        if (!processes.delete(bus)) return;
        await leave();
        await wakeups.close();
        await database.close();
      };
      const cut = () => Promise.reject(new Error('this process was killed'));
      processes.set(bus, {
        close: () => bus.close(),
        // Its promises stay in this process, but nothing of it reaches the server any more.
        kill: () => Object.assign(database.pool, { query: cut, connect: cut }),
      });
      return bus;
    },
    kill(bus) {
      processes.get(bus)?.kill();
      return Promise.resolve();
    },
    async close() {
      await Promise.all([...processes.values()].map((each) => each.close()));
      await server.drop();
    },
  };
};

messageBusContract('PostgreSQL topic log', open, { takeoverMs: LEASE_MS, denseOffsets: true, cleanHandover: true });
