import { describeWith } from '@waybill/testkit/availability';
import { findEventStoreDb, startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { eventStoreContract, type LogUnderTest } from '../contract-suite.js';
import { type EventStoreDbOptions, openEventStoreDb } from './index.js';

const openLog = async (options: EventStoreDbOptions, stop: () => Promise<void>): Promise<LogUnderTest> => {
  const closers: (() => Promise<void>)[] = [];
  return {
    async openStore() {
      const store = await openEventStoreDb(options);
      closers.push(() => store.close());
      return store;
    },
    async close() {
      await Promise.all(closers.map((close) => close()));
      await stop();
    },
  };
};

eventStoreContract('EventStoreDB, the protocol server', async () => {
  const server = await startEventStoreDb();
  return openLog({ url: server.url }, () => server.stop());
});

eventStoreContract('EventStoreDB, the protocol server, with readers that are always far behind', async () => {
  const server = await startEventStoreDb();
  return openLog({ url: server.url, farBehind: 0 }, () => server.stop());
});

describeWith('a genuine EventStoreDB', findEventStoreDb(), (start) => {
  const openGenuine = async (options: Partial<EventStoreDbOptions>): Promise<LogUnderTest> => {
    const server = await start()();
    return openLog({ url: server.url, ...options }, () => server.stop());
  };
  eventStoreContract('EventStoreDB', () => openGenuine({}));
  eventStoreContract('EventStoreDB, with readers that are always far behind', () => openGenuine({ farBehind: 0 }));
});
