import pg from 'pg';
import { testDatabase } from './index.js';

describe('a test database', () => {
  it('is empty, one of its own, and gone when dropped', async () => {
    const [one, two] = await Promise.all([testDatabase(), testDatabase()]);
    const client = new pg.Client({ connectionString: one.url });
    client.on('error', () => undefined); // dropping ends it
    await client.connect();
    await client.query('create table only_in_one ()');

    const other = new pg.Client({ connectionString: two.url });
    await other.connect();
    const { rows } = await other.query(`select to_regclass('only_in_one') as found`);
    expect(rows).toEqual([{ found: null }]);
    await other.end();

    await Promise.all([one.drop(), two.drop()]);
    await expect(client.query('select 1')).rejects.toThrow();
    await expect(new pg.Client({ connectionString: one.url }).connect()).rejects.toThrow(/does not exist/);
  });
});
