import { createHash } from 'node:crypto';
import { type CommandContext, newId } from '@waybill/kernel';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { audienceTables } from '../audience-tables.js';
import type { Segments } from '../segments.js';
import { findProfile } from '../show-profile/find-profile.js';
import { countsOf } from '../store/segment-counts.js';
import { lastChange } from '../store/changes.js';
import type { LoadRequest } from './load.js';
import { loadMembers } from './load-members.js';
import { LoadRecorder } from './load-recorder.js';
import { loadsToRecord, markRecorded } from './loads.js';

const scope = { tenant: 'acme', sandbox: 'prod' };

type LoadOptions = Partial<Pick<LoadRequest, 'mode' | 'format'> & CommandContext>;

describe('Loading members', () => {
  let server: TestDatabase;
  let database: Database;
  let segments = 0;
  let segmentId: string;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(database, 'audience', audienceTables);
  });
  beforeEach(() => {
    segmentId = `segment ${(segments += 1)}`;
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  async function* chunks(text: string | Buffer, size = 1000) {
    const bytes = Buffer.from(text as string);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const context = (more: Partial<CommandContext> = {}): CommandContext => ({
    ...scope,
    commandId: newId(),
    actor: 'somebody',
    at: '2026-01-01T00:00:00Z',
    correlationId: 'correlation',
    ...more,
  });
  const csv = (text: string | Buffer, { format, mode, ...more }: LoadOptions = {}) =>
    loadMembers(
      database,
      {
        context: context(more),
        segmentId,
        mode: mode ?? 'merge',
        format: format ?? { type: 'csv', identity: 'email' },
      },
      chunks(text),
    );
  const ndjson = (lines: readonly object[], request: LoadOptions = {}) =>
    csv(lines.map((line) => JSON.stringify(line)).join('\n'), { format: { type: 'ndjson' }, ...request });
  const counts = async () => (await countsOf(database, scope, [segmentId])).get(segmentId);
  const statuses = async () => {
    const { rows } = await database.pool.query<{ profile_id: string; status: string }>(
      'select profile_id, status from memberships where segment_id = $1 order by profile_id',
      [segmentId],
    );
    return Object.fromEntries(rows.map(({ profile_id, status }) => [profile_id, status]));
  };

  it('makes profiles of the rows: the id, an identity under the name of its column, attributes from the others', async () => {
    const text = '\ufeffemail,name,note\r\na@x,"Müller, ""Anna""",\r\nb@x,back\\slash,tab\there\r\n';
    expect(await csv(text)).toEqual({
      received: 2,
      accepted: 2,
      entered: 2,
      exited: 0,
      unchanged: 0,
      rejected: 0,
      rejections: [],
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    expect(await findProfile(database, scope, 'a@x')).toEqual({
      id: 'a@x',
      identities: { email: ['a@x'] },
      attributes: { name: 'Müller, "Anna"', note: '' },
      segments: [{ id: segmentId, status: 'realized', since: expect.stringMatching(/Z$/) }],
    });
    expect((await findProfile(database, scope, 'b@x'))?.attributes).toEqual({ name: 'back\\slash', note: 'tab\there' });
  });

  it('adds to what is known: later attributes replace earlier ones of the name, others stay', async () => {
    await csv('email,name,city\na,Anna,Rome\n');
    await ndjson([{ id: 'a', attributes: { name: 'Anne', age: 7 }, identities: { crm: ['1', '2'] } }]);
    expect(await findProfile(database, scope, 'a')).toMatchObject({
      identities: { email: ['a'], crm: ['1', '2'] },
      attributes: { name: 'Anne', city: 'Rome', age: 7 },
    });
  });

  it('in merge mode leaves alone who is not named', async () => {
    await csv('email\na\nb\n');
    expect(await csv('email\nb\nc\n')).toMatchObject({ received: 2, entered: 1, exited: 0, unchanged: 1 });
    expect(await statuses()).toEqual({ a: 'realized', b: 'realized', c: 'realized' });
    expect(await counts()).toMatchObject({ members: 3, exited: 0 });
  });

  it('in replace mode lets exit who is not named, and back in who returns', async () => {
    await csv('email\na\nb\n');
    expect(await csv('email\nb\nc\n', { mode: 'replace' })).toMatchObject({ entered: 1, exited: 1, unchanged: 1 });
    expect(await statuses()).toEqual({ a: 'exited', b: 'realized', c: 'realized' });
    expect(await csv('email\na\n', { mode: 'replace' })).toMatchObject({ entered: 1, exited: 2, unchanged: 0 });
    expect(await counts()).toMatchObject({ members: 1, exited: 2 });
  });

  it('in replace mode empties the segment when the file holds no rows', async () => {
    await csv('email\na\n');
    expect(await csv('email\n', { mode: 'replace' })).toMatchObject({ received: 0, exited: 1 });
    expect(await counts()).toMatchObject({ members: 0, exited: 1 });
  });

  it('takes a status in NDJSON: exited leaves, existing is in', async () => {
    await ndjson([{ id: 'a' }, { id: 'b', status: 'existing' }]);
    expect(
      await ndjson([
        { id: 'a', status: 'exited' },
        { id: 'b', status: 'existing' },
        { id: 'never', status: 'exited' },
      ]),
    ).toMatchObject({ accepted: 3, entered: 0, exited: 1, unchanged: 2 });
    expect(await statuses()).toEqual({ a: 'exited', b: 'realized', never: 'exited' });
    expect(await counts()).toMatchObject({ members: 1, exited: 2 });
  });

  it('rejects broken lines with their number and reason, and takes the others', async () => {
    const text = Buffer.concat([
      Buffer.from('email,name\na@x,1\n,2\nb@x\na@x,again\n'),
      Buffer.from('c@x,\xe9\n', 'latin1'),
      Buffer.from('d@x,"quo"te\n"e\u0007",\nf@x,\0\ng@x,"two\nlines"\nh@x,1,2\n'),
    ]);
    expect(await csv(text)).toMatchObject({
      received: 10,
      accepted: 2,
      entered: 2,
      rejected: 8,
      rejections: [
        { line: 3, reason: 'its "email" is empty' },
        { line: 4, reason: 'has 1 field, and the header names 2' },
        { line: 5, reason: 'has the same profile id as line 2, which counts' },
        { line: 6, reason: 'is not valid UTF-8' },
        { line: 7, reason: expect.stringContaining('text after the closing quote') },
        { line: 8, reason: 'its "email" holds a control character' },
        { line: 9, reason: 'holds a NUL character, which no text may' },
        { line: 12, reason: 'has 3 fields, and the header names 2' },
      ],
    });
    expect(await statuses()).toEqual({ 'a@x': 'realized', 'g@x': 'realized' });
  });

  it('names the first hundred rejections, whatever they are for', async () => {
    const text = `email\n${Array.from({ length: 150 }, (_, n) => (n % 2 ? 'same' : '""') + '\n').join('')}`;
    const { rejected, rejections } = await csv(text);
    expect(rejected).toBe(149);
    expect(rejections.map(({ line }) => line)).toEqual(
      Array.from({ length: 101 }, (_, n) => n + 2).filter((n) => n !== 3),
    );
  });

  it.each([
    ['', /first line must name the columns, and the upload is empty/],
    ['mail,name\na,b\n', /none of its 2 columns is named "email"/],
    ['Email \na\n', /There is one named "Email ": case and spaces count/],
    ['email,name,name\n', /the columns 2 and 3 have the same name/],
    ['email,\na,b\n', /column 2 has no name/],
    ['email\na\n"b\nc\n', /never closes/],
  ])('refuses %j as a whole and changes nothing', async (text, message) => {
    await csv('email\nknown\n');
    await expect(csv(text, { mode: 'replace' })).rejects.toThrow(message);
    expect(await statuses()).toEqual({ known: 'realized' });
  });

  it.each(['merge', 'replace'] as const)('in %s mode changes nothing when the upload breaks off', async (mode) => {
    await csv('email,name\nknown,1\n');
    const before = await lastChange(database, scope);
    async function* broken() {
      yield Buffer.from(`email,name\nknown,2\n${'new,3\n'.repeat(10_000)}`);
      throw new Error('the sender went away');
    }
    const format = { type: 'csv', identity: 'email' } as const;
    const request = { context: context(), segmentId, mode, format };
    await expect(loadMembers(database, request, broken())).rejects.toThrow('went away');
    expect(await statuses()).toEqual({ known: 'realized' });
    expect((await findProfile(database, scope, 'known'))?.attributes).toEqual({ name: '1' });
    expect(await lastChange(database, scope)).toBe(before);
  });

  it('does not replace a segment with nothing because no line could be used', async () => {
    await csv('email\nknown\n');
    await expect(csv('email\n""\n', { mode: 'replace' })).rejects.toMatchObject({
      slug: 'nothing-accepted',
      message: expect.stringContaining('line 2 its "email" is empty'),
    });
    expect(await statuses()).toEqual({ known: 'realized' });
  });

  it('keeps tenants and sandboxes apart', async () => {
    await csv('email,name\nshared,ours\n');
    await csv('email,name\nshared,theirs\n', { tenant: 'other' });
    await csv('email,name\nshared,test\n', { sandbox: 'test', mode: 'replace' });
    expect((await findProfile(database, scope, 'shared'))?.attributes).toEqual({ name: 'ours' });
    expect((await findProfile(database, { ...scope, tenant: 'other' }, 'shared'))?.attributes).toEqual({
      name: 'theirs',
    });
    expect(await counts()).toMatchObject({ members: 1, exited: 0 });
  });

  it('gives every load a change number of its own, and only what moved takes it', async () => {
    await csv('email\na\nb\n');
    const first = await lastChange(database, scope);
    await csv('email\nb\nc\n');
    const { rows } = await database.pool.query<{ profile_id: string; change: number }>(
      'select profile_id, change from memberships where segment_id = $1 order by profile_id',
      [segmentId],
    );
    expect(rows.map(({ profile_id, change }) => [profile_id, change - first])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ]);
  });

  it('takes loads of one sandbox at once: each row counts once', async () => {
    const file = (from: number) => `email\n${Array.from({ length: 500 }, (_, n) => `p${from + n}`).join('\n')}\n`;
    const results = await Promise.all([0, 100, 200, 300].map((from) => csv(file(from))));
    expect(results.reduce((sum, { entered }) => sum + entered, 0)).toBe(800);
    expect(await counts()).toMatchObject({ members: 800 });
  });

  it('once more with the same command changes nothing, and answers what it did the first time', async () => {
    const commandId = newId();
    const first = await csv('email\na\n""\n', { commandId });
    await csv('email\nb\n', { mode: 'replace' });
    expect(await csv('email\na\n""\n', { commandId })).toEqual(first);
    expect(await statuses()).toEqual({ a: 'exited', b: 'realized' });
    await expect(csv('email\nc\n', { commandId })).rejects.toMatchObject({ slug: 'idempotency-key-reused' });
    await expect(csv('email\na\n""\n', { commandId, mode: 'replace' })).rejects.toMatchObject({
      slug: 'idempotency-key-reused',
    });
    expect(await statuses()).toEqual({ a: 'exited', b: 'realized' });
  });

  it('leaves a note of each load until its event is in the log', async () => {
    const commandId = newId();
    const result = await csv('email\na\n', { commandId, tenant: 'noted' });
    const noted = async () => (await loadsToRecord(database)).filter(({ context: { tenant } }) => tenant === 'noted');
    expect(await noted()).toEqual([
      { context: context({ commandId, tenant: 'noted' }), segmentId, mode: 'merge', result },
    ]);
    await markRecorded(database, commandId);
    expect(await noted()).toEqual([]);
  });

  it('is recorded after all when the process ended before its event was in the log', async () => {
    const left = await csv('email\na\n', { tenant: 'left over', commandId: newId(), expectedRevision: 7 });
    const executed: [string, object, CommandContext][] = [];
    const segments = {
      execute: (...command: [string, object, CommandContext]) => Promise.resolve(executed.push(command)),
    };
    const recorder = new LoadRecorder(database, segments as unknown as Segments);
    recorder.start();
    await recorder.stop();
    const { rejections: _, ...counts } = left;
    const ours = executed.filter(([, , { tenant }]) => tenant === 'left over');
    expect(ours).toEqual([
      [
        segmentId,
        { type: 'RecordLoad', load: { mode: 'merge', ...counts } },
        expect.not.objectContaining({ expectedRevision: 7 }),
      ],
    ]);
    expect(await loadsToRecord(database)).toEqual([]);
  });

  it('takes no connection from the pool, and refuses more uploads at once than it has connections for', async () => {
    const senders: (() => void)[] = [];
    async function* slow() {
      yield Buffer.from('email\n');
      await new Promise<void>((resolve) => senders.push(resolve));
      yield Buffer.from('a\n');
    }
    const upload = () =>
      loadMembers(
        database,
        { context: context(), segmentId, mode: 'merge', format: { type: 'csv', identity: 'email' } },
        slow(),
      );
    const uploads = Array.from({ length: 8 }, upload);
    await expect(upload()).rejects.toMatchObject({ slug: 'too-many-loads', kind: 'too-many' });
    expect(database.pool.totalCount - database.pool.idleCount).toBe(0);
    while (senders.length < 8) await new Promise((resolve) => setTimeout(resolve, 5));
    senders.forEach((send) => send());
    await Promise.all(uploads);
    await csv('email\nb\n');
    expect(await counts()).toMatchObject({ members: 2 });
  });

  it('tells the planner of a load that is worth it', async () => {
    await csv(`email\n${Array.from({ length: 10_000 }, (_, n) => `p${n}`).join('\n')}`, { tenant: 'large' });
    const { rows } = await database.pool.query<{ tables: number }>(
      `select count(*) as tables from pg_stats
       where schemaname = 'audience' and attname = 'tenant' and most_common_vals::text like '%large%'`,
    );
    expect(rows).toEqual([{ tables: 2 }]);
  });
});
