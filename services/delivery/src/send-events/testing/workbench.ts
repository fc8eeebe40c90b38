import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSink } from '@waybill/connectors';
import { type Data, type MessageContract, writeMessage } from '@waybill/contracts';
import { idFrom, newId } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import { type Database, leaseMigrations, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase } from '@waybill/testkit/postgres';
import type { TSchema } from 'typebox';
import { redeliveryMigrations } from '../../redeliver/redelivery-counts.js';
import type { ProfileEvent } from '../../stream-source/index.js';
import { ErasedProfiles, sendEvents, StreamStates, Streams, StreamWorker } from '../index.js';
import type { ShareTiming } from '../shares.js';
import type { Sinks } from '../sinks.js';
import type { ActiveStream } from '../streams.js';
import { eventOf } from './memory-feed.js';
import type { MemorySource } from './memory-source.js';

/** As fast as a test can bear; the proportions are those of production. */
export const QUICK: ShareTiming = { leaseSeconds: 2, renewMs: 300, sendMs: 1_400 };

const scope = { tenant: 'acme', sandbox: 'prod' };

/** Ids as the database wants them. */
export const changeOf = (profileId: string, change: number, key = profileId): ProfileEvent => ({
  ...eventOf(profileId, change, key),
  eventId: idFrom(profileId, change),
});

export const until = async (holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> => {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come about in time');
    await sleep(10);
  }
};

/** The tables of the streams, what other services would tell, and workers as processes would have them. */
export const openWorkbench = async (source: MemorySource, open: (stream: ActiveStream) => EventSink) => {
  const place = await testDatabase();
  const opened: Database[] = [];
  const openOne = async () => {
    const database = await openDatabase({ url: place.url, schema: 'delivery' });
    opened.push(database);
    return database;
  };
  const database = await openOne();
  await migrate(database, 'leases', leaseMigrations);
  await migrate(database, 'delivery', [...sendEvents.migrations, ...redeliveryMigrations]);
  const streams = new Streams(database);
  let revision = 0;

  const tell = async <Schema extends TSchema>(contract: MessageContract<Schema>, data: object): Promise<void> => {
    const body = writeMessage(contract, { revision: (revision += 1), ...data } as Data<Schema>);
    await streams.receive({ ...body, ...scope } as unknown as ReceivedMessage);
  };

  return {
    database,
    streams,
    tell,
    /** Each has a database connection and a listener of its own, as a process has. */
    async startWorker(timing?: ShareTiming): Promise<StreamWorker> {
      const own = await openOne();
      const sinks = { open: async (stream: ActiveStream) => open(stream) } as unknown as Sinks;
      const states = new StreamStates(own);
      const worker = new StreamWorker(own, source, streams, sinks, states, new ErasedProfiles(own), timing);
      worker.start();
      return worker;
    },
    newDestination: newId,
    async close(): Promise<void> {
      await Promise.all(opened.map((one) => one.close()));
      await place.drop();
    },
  };
};

export type Workbench = Awaited<ReturnType<typeof openWorkbench>>;
