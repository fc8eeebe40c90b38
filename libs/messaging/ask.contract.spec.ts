import { newId, WaybillError } from '@waybill/kernel';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { type TestDatabase, testDatabase } from '@waybill/testkit/postgres';
import { answer, type Asker, openAsker, type Question } from './ask.js';
import type { MessageBus, ReceivedMessage } from './port.js';
import { openPostgresMessageBus } from './postgres/index.js';

const COMMANDS = 'waybill.account.commands';

const question = (data: object = {}): Question => ({
  type: 'waybill.account.DescribeAccount.v1',
  data,
  scope: { tenant: 'acme', sandbox: 'prod' },
  actor: 'tester',
  correlationId: newId(),
});

describe('questions over the bus', () => {
  let server: TestDatabase;
  let database: Database;
  let wakeups: Wakeups;
  let bus: MessageBus;
  let asker: Asker;
  const defects: unknown[] = [];
  const questions: ReceivedMessage[] = [];

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'messaging' });
    wakeups = openWakeups(server.url);
    bus = await openPostgresMessageBus({ database, wakeups });
    await bus.ensureTopics([
      { name: COMMANDS, partitions: 3 },
      { name: 'waybill.destination.replies', partitions: 3 },
    ]);
    const answering = answer({ bus, service: 'account', onDefect: (error) => defects.push(error) }, (message) => {
      questions.push(message);
      const { ask } = message.data as { ask?: string };
      if (ask === 'refused') {
        throw new WaybillError('account-not-found', 'not-found', 'There is no such account.', {
          fields: [{ path: 'accountId', message: 'unknown' }],
          checks: [{ name: 'exists', outcome: 'failed' }],
        });
      }
      if (ask === 'outage') return database.pool.query('select pg_terminate_backend(pg_backend_pid())');
      if (ask === 'defect') throw new TypeError('password hunter2 is not a function');
      return Promise.resolve({ echo: message.data });
    });
    await bus.subscribe({ group: 'account', topics: [COMMANDS], attempts: 1 }, async (message, signal) =>
      answering(message, signal),
    );
    asker = await openAsker({ bus, service: 'destination' });
  });
  afterAll(async () => {
    await asker.close();
    await bus.close();
    await wakeups.close();
    await database.close();
    await server.drop();
  });

  it('are answered with the data that the other service gives', async () => {
    await expect(asker.ask(COMMANDS, question({ id: 7 }), { timeoutMs: 20_000 })).resolves.toEqual({ echo: { id: 7 } });
  });

  it('carry tenant, actor and correlation', async () => {
    const asked = { ...question(), causationId: 'command-1' };
    await asker.ask(COMMANDS, asked, { timeoutMs: 20_000 });
    expect(questions.at(-1)).toMatchObject({
      ...asked.scope,
      type: asked.type,
      actor: 'tester',
      correlationId: asked.correlationId,
      causationId: 'command-1',
      source: '/waybill/destination',
      replyTo: 'waybill.destination.replies',
    });
  });

  it('get each their own answer, many at once', async () => {
    const ids = Array.from({ length: 50 }, (_, id) => id);
    const answers = await Promise.all(ids.map((id) => asker.ask(COMMANDS, question({ id }), { timeoutMs: 20_000 })));
    expect(answers).toEqual(ids.map((id) => ({ echo: { id } })));
  });

  it('that are refused come back as the same error', async () => {
    const refused = asker.ask(COMMANDS, question({ ask: 'refused' }), { timeoutMs: 20_000 });
    await expect(refused).rejects.toBeInstanceOf(WaybillError);
    await expect(refused).rejects.toMatchObject({
      slug: 'account-not-found',
      kind: 'not-found',
      message: 'There is no such account.',
      fields: [{ path: 'accountId', message: 'unknown' }],
      checks: [{ name: 'exists', outcome: 'failed' }],
    });
  });

  it('that meet a defect come back as one, without what it said; the answering side is told', async () => {
    const failed = asker.ask(COMMANDS, question({ ask: 'defect' }), { timeoutMs: 20_000 });
    await expect(failed).rejects.toMatchObject({
      kind: 'internal',
      message: expect.not.stringContaining('hunter2') as string,
    });
    expect(defects).toEqual([expect.any(TypeError)]);
  });

  it('that find the database of the other service away say so, and when to come again', async () => {
    const failed = asker.ask(COMMANDS, question({ ask: 'outage' }), { timeoutMs: 20_000 });
    await expect(failed).rejects.toMatchObject({
      slug: 'database-unavailable',
      kind: 'unavailable',
      retryAfterSeconds: 2,
    });
    expect(defects).toHaveLength(1);
  });

  it('that nobody answers end in time as no-answer', async () => {
    await bus.ensureTopics([{ name: 'waybill.silent.commands', partitions: 1 }]);
    const waiting = asker.ask('waybill.silent.commands', question(), { timeoutMs: 100 });
    await expect(waiting).rejects.toMatchObject({ slug: 'no-answer', kind: 'unavailable' });
  });

  it('that cannot be sent say so at once', async () => {
    const unsent = asker.ask('waybill.nowhere.commands', question(), { timeoutMs: 60_000 });
    await expect(unsent).rejects.toMatchObject({ slug: 'topic-unknown' });
  });

  it('reach the instance that asked, of several; a closed one leaves no group behind and its questions end', async () => {
    const other = await openAsker({ bus, service: 'destination' });
    const groups = async () => (await bus.lag()).filter(({ topic }) => topic === 'waybill.destination.replies').length;
    await expect(other.ask(COMMANDS, question({ from: 'other' }), { timeoutMs: 20_000 })).resolves.toEqual({
      echo: { from: 'other' },
    });
    expect(await groups()).toBe(2);
    const open = other.ask('waybill.silent.commands', question(), { timeoutMs: 60_000 });
    const ended = expect(open).rejects.toMatchObject({ slug: 'no-answer' });
    await other.close();
    await ended;
    expect(await groups()).toBe(1);
  });
});
