import { type Database, openDatabase } from '@waybill/postgres';
import { type TestDatabase, testDatabase } from '@waybill/testkit/postgres';
import { type Inbox, openInbox, sweepInbox } from './inbox.js';

describe('the inbox', () => {
  let server: TestDatabase;
  let database: Database;
  let inbox: Inbox;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'thing' });
    inbox = await openInbox(database);
    await database.pool.query('create table effects (message_id text)');
  });
  afterAll(async () => {
    await inbox.close();
    await database.close();
    await server.drop();
  });

  const receive = (messageId: string, { consumer = 'handler', fails = false } = {}): Promise<boolean> =>
    database.transaction(async (client) => {
      const first = await inbox.once(client, consumer, messageId);
      if (first) await client.query('insert into effects values ($1)', [messageId]);
      if (fails) throw new Error('the handler failed');
      return first;
    });

  const effects = async (messageId: string): Promise<number> => {
    const { rowCount } = await database.pool.query('select 1 from effects where message_id = $1', [messageId]);
    return rowCount ?? 0;
  };

  it('lets a message have its effect once', async () => {
    expect(await receive('m1')).toBe(true);
    expect(await receive('m1')).toBe(false);
    expect(await effects('m1')).toBe(1);
  });

  it('forgets a message whose transaction was rolled back', async () => {
    await expect(receive('m2', { fails: true })).rejects.toThrow('the handler failed');
    expect(await receive('m2')).toBe(true);
    expect(await effects('m2')).toBe(1);
  });

  it('lets one of many deliveries at the same moment through', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => receive('m3')));
    expect(outcomes.filter((first) => first)).toHaveLength(1);
    expect(await effects('m3')).toBe(1);
  });

  it('keeps consumers apart', async () => {
    expect(await receive('m4', { consumer: 'one' })).toBe(true);
    expect(await receive('m4', { consumer: 'two' })).toBe(true);
  });

  it('forgets what is older than any topic keeps', async () => {
    await receive('old');
    await receive('young');
    await database.pool.query(`update inbox set received_at = now() - interval '61 days' where message_id = 'old'`);
    expect(await sweepInbox(database, 60)).toBe(1);
    expect([await receive('old'), await receive('young')]).toEqual([true, false]);
  });
});
