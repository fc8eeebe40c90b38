import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EventStoreDbServer, startEventStoreDb } from '../index.js';
import { questions } from './questions.js';
import { inStableWords, openSession, type Session } from './session.js';

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'recorded.json'), 'utf8')) as Record<
  string,
  unknown
>;

const url = process.env['WAYBILL_TEST_EVENTSTOREDB_URL'];

it('asks what was asked when the answers were recorded', () => {
  expect(Object.keys(questions).toSorted()).toEqual(Object.keys(recorded).toSorted());
});

// Each answer is the genuine one's: no difference is left to be listed.
describe('the protocol server answers as the genuine EventStoreDB did', () => {
  let server: EventStoreDbServer;
  let session: Session & { close(): Promise<void> };
  beforeAll(async () => {
    server = await startEventStoreDb();
    session = openSession(server.url);
  });
  afterAll(async () => {
    await session.close();
    await server.stop();
  });

  it.each(Object.entries(questions))('%s', async (name, ask) => {
    expect(inStableWords(await ask(session))).toEqual(recorded[name]);
  });
});

const describeGenuine = url === undefined ? describe.skip : describe;
describeGenuine(
  `the EventStoreDB named by WAYBILL_TEST_EVENTSTOREDB_URL answers as recorded${url ? '' : ' [could not run here: it names none]'}`,
  () => {
    let session: Session & { close(): Promise<void> };
    beforeAll(() => void (session = openSession(url ?? '')));
    afterAll(() => session.close());

    it.each(Object.entries(questions))('%s', async (name, ask) => {
      expect(inStableWords(await ask(session))).toEqual(recorded[name]);
    });
  },
);
