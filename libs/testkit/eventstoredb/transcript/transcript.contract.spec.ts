import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '../../availability/index.js';
import { findEventStoreDb, startEventStoreDb } from '../index.js';
import { questions } from './questions.js';
import { inStableWords, openSession, type Session } from './session.js';

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'recorded.json'), 'utf8')) as Record<
  string,
  unknown
>;

it('asks what was asked when the answers were recorded', () => {
  expect(Object.keys(questions).toSorted()).toEqual(Object.keys(recorded).toSorted());
});

const answersAsRecorded = (start: () => Promise<{ readonly url: string; stop(): Promise<void> }>): void => {
  let server: { readonly url: string; stop(): Promise<void> };
  let session: Session & { close(): Promise<void> };
  beforeAll(async () => {
    server = await start();
    session = openSession(server.url);
  });
  afterAll(async () => {
    await session.close();
    await server.stop();
  });

  it.each(Object.entries(questions))('%s', async (name, ask) => {
    expect(inStableWords(await ask(session))).toEqual(recorded[name]);
  });
};

// Every answer is the genuine one's; there is no difference to be listed.
describe('the protocol server answers as a genuine EventStoreDB did', () => answersAsRecorded(startEventStoreDb));

describeWith('a genuine EventStoreDB answers as recorded', findEventStoreDb(), (start) =>
  answersAsRecorded(() => start()()),
);
