import { testDatabase, type TestDatabase } from './testing/index.js';
import { type Database, migrate, openDatabase } from './index.js';

let place: TestDatabase;
let schemas = 0;
const opened: Database[] = [];
const open = async (schema: string): Promise<Database> => {
  const database = await openDatabase({ url: place.url, schema, maxConnections: 1 });
  opened.push(database);
  return database;
};
beforeAll(async () => {
  place = await testDatabase();
});
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
  await place.drop();
});

const steps = [
  { name: '001-table', sql: 'create table counted (n int); insert into counted values (1)' },
  { name: '002-row', sql: 'insert into counted values (2)' },
];
const counted = async (database: Database) =>
  (await database.pool.query<{ n: number }>('select n from counted order by n')).rows.map(({ n }) => n);

describe('migrations', () => {
  it('are made once by 12 processes that start at the same time', async () => {
    const schema = `s${(schemas += 1)}`;
    const processes = await Promise.all(Array.from({ length: 12 }, () => open(schema)));
    await Promise.all(processes.map((database) => migrate(database, 'counting', steps)));
    expect(await counted(processes[0] as Database)).toEqual([1, 2]);
  });

  it('do nothing the second time, and take new steps only', async () => {
    const database = await open(`s${(schemas += 1)}`);
    await migrate(database, 'counting', steps);
    await migrate(database, 'counting', steps);
    await migrate(database, 'counting', [...steps, { name: '003-row', sql: 'insert into counted values (3)' }]);
    expect(await counted(database)).toEqual([1, 2, 3]);
  });

  it('leave nothing behind when one fails, and can be made again', async () => {
    const database = await open(`s${(schemas += 1)}`);
    const broken = [...steps, { name: '003-broken', sql: 'insert into nowhere values (1)' }];
    await expect(migrate(database, 'counting', broken)).rejects.toThrow(/nowhere/);
    await expect(counted(database)).rejects.toThrow(/does not exist/);
    await migrate(database, 'counting', steps);
    expect(await counted(database)).toEqual([1, 2]);
  });

  it('are counted per component and per schema', async () => {
    const one = await open(`s${(schemas += 1)}`);
    const two = await open(`s${(schemas += 1)}`);
    await migrate(one, 'counting', steps);
    await migrate(two, 'counting', steps);
    await migrate(one, 'other', [{ name: '001-table', sql: 'insert into counted values (7)' }]);
    expect(await counted(one)).toEqual([1, 2, 7]);
    expect(await counted(two)).toEqual([1, 2]);
  });
});
