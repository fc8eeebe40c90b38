import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import {
  AUDIENCE_EXPORT_ROLE,
  AUDIENCE_EXPORT_SCHEMA,
  AUDIENCE_EXPORT_VIEW,
  checkMapping,
  type MappingFieldInput,
} from '@waybill/contracts';
import { type Database, isTransient, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { startTcpProxy } from '@waybill/testkit/tcp-proxy';
import { GRANT_EXPORT } from './testing/grant-export.js';
import { type PartRead, previewRows, readPart, type RowsRequest, scoutParts } from './index.js';

const segment = { id: `s'; drop`, name: `The "S" segment` };
const scope = { tenant: `o'hara`, sandbox: 'prod' };
const never = new AbortController().signal;

interface Membership {
  readonly id: string;
  readonly status?: 'realized' | 'exited';
  readonly since?: string;
  readonly change?: number;
  readonly identities?: Record<string, string[]>;
  readonly attributes?: Record<string, unknown>;
  readonly identifiedAt?: string;
  readonly tenant?: string;
  readonly segmentId?: string;
}

describe('The rows of an export', () => {
  let server: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'delivery' });
    // In the shape of the contract, in place of audience's own.
    await database.pool.query(`
      create schema ${AUDIENCE_EXPORT_SCHEMA};
      create table ${AUDIENCE_EXPORT_VIEW} (
        tenant text collate "C", sandbox text collate "C", segment_id text collate "C", profile_id text collate "C",
        status text, since timestamptz, change bigint, identities jsonb, attributes jsonb, identified_at timestamptz,
        primary key (tenant, sandbox, segment_id, profile_id))`);
    await database.pool.query(GRANT_EXPORT);
  });
  beforeEach(() => database.pool.query(`truncate ${AUDIENCE_EXPORT_VIEW}`));
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  const members = (...rows: readonly Membership[]) =>
    database.pool.query(
      `insert into ${AUDIENCE_EXPORT_VIEW} select * from jsonb_populate_recordset(null::${AUDIENCE_EXPORT_VIEW}, $1)`,
      [
        JSON.stringify(
          rows.map((row) => ({
            tenant: row.tenant ?? scope.tenant,
            sandbox: scope.sandbox,
            segment_id: row.segmentId ?? segment.id,
            profile_id: row.id,
            status: row.status ?? 'realized',
            since: row.since ?? '2026-01-01T00:00:00Z',
            change: row.change ?? 1,
            identities: row.identities ?? {},
            attributes: row.attributes ?? {},
            identified_at: row.identifiedAt ?? '2026-01-01T00:00:00Z',
          })),
        ),
      ],
    );

  const requestOf = (
    mapping: readonly (string | MappingFieldInput)[],
    { files, ...more }: Partial<Omit<RowsRequest, 'files'>> & { files?: Partial<RowsRequest['files']> } = {},
  ): RowsRequest => ({
    ...scope,
    segment,
    fields: checkMapping(
      mapping.map((field) => (typeof field === 'string' ? { source: field, target: field } : field)),
    ),
    files: {
      format: 'csv',
      compression: 'none',
      manifest: true,
      maxRowsPerFile: 1000,
      csv: { delimiter: ',', quote: '"', escape: '"', nullValue: '', emptyValue: '', injection: 'machine' },
      ...files,
    },
    watermark: '100',
    changedSince: null,
    ...more,
  });
  const collect = async (content: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const pieces = [];
    for await (const piece of content) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const part = (request: RowsRequest, after: string | null = null) =>
    readPart(database, request, { after, signal: never }, collect);
  /** The lines of the file, without the header. */
  const read = async (...request: Parameters<typeof requestOf>) => {
    const result = await part(requestOf(...request));
    if (result.rows === 0) return { ...result, lines: [] as string[] };
    const text = (result as PartRead<Buffer>).delivered.toString();
    return { ...result, lines: text.split('\r\n').slice(1, -1) };
  };

  it('come in the order of the bytes of their ids, with the columns of the mapping', async () => {
    await members(
      { id: 'b', attributes: { x: 1, 'a.b': 'named', o: { p: { q: true } } } },
      { id: 'B', attributes: { x: null, a: { b: 'nested' } } },
      { id: 'é' },
    );
    const sources = [
      'profile.id',
      'segment.id',
      'segment.name',
      'segment.status',
      'segment.since',
      'attributes.x',
      'attributes.a.b',
      'attributes.o',
      'attributes.o.p.q',
    ];
    const { lines } = await read(sources);
    const same = `s'; drop,"The ""S"" segment",realized,2026-01-01T00:00:00Z`;
    expect(lines).toEqual([`B,${same},,nested,,`, `b,${same},1,named,"{""p"": {""q"": true}}",true`, `é,${same},,,,`]);
  });

  it('are JSON with the values of the attributes as they are', async () => {
    await members({ id: 'p', attributes: { n: { deep: ['"\n', 1.5] }, t: 'Ü\\' }, identities: { email: ['a@x'] } });
    const result = await part(
      requestOf(['identities.email', 'attributes.n', 'attributes.t', 'attributes.none', 'segment.name'], {
        files: { format: 'json' },
      }),
    );
    const text = (result as PartRead<Buffer>).delivered.toString();
    expect(text).toMatch(/^\{"identities_email":"a@x","attributes_n":.*\}\n$/);
    expect(JSON.parse(text)).toEqual({
      identities_email: 'a@x',
      attributes_n: { deep: ['"\n', 1.5] },
      attributes_t: 'Ü\\',
      attributes_none: null,
      segment_name: segment.name,
    });
  });

  it('are those of the segment and the tenant, and of nobody else', async () => {
    await members({ id: 'ours' }, { id: 'theirs', tenant: 'other' }, { id: 'elsewhere', segmentId: 'other' });
    expect((await read(['profile.id'])).lines).toEqual(['ours']);
  });

  describe('in full', () => {
    it('are the members up to the watermark, and never who exited', async () => {
      await members({ id: 'in', change: 5 }, { id: 'later', change: 6 }, { id: 'out', status: 'exited', change: 3 });
      const { lines, counts } = await read(['profile.id', 'segment.status'], { watermark: '5' });
      expect(lines).toEqual(['in,realized']);
      expect(counts).toEqual({ read: 1, written: 1, skipped: 0, failed: 0, exited: 0 });
    });
  });

  describe('since the last export', () => {
    const changes = [
      { id: 'before', change: 3 },
      { id: 'entered', change: 4 },
      { id: 'left', status: 'exited', change: 5 },
      { id: 'after', change: 6 },
    ] as const;

    it('are the memberships that changed, up to the watermark', async () => {
      await members(...changes);
      expect((await read(['profile.id'], { changedSince: '3', watermark: '5' })).lines).toEqual(['entered']);
    });

    it('hold exits only where the status is a column', async () => {
      await members(...changes);
      const { lines, counts } = await read(['profile.id', 'segment.status'], { changedSince: '3', watermark: '5' });
      expect(lines).toEqual(['entered,realized', 'left,exited']);
      expect(counts).toMatchObject({ written: 2, exited: 1 });
    });
  });

  it('are one for each id of a mapped identity, and none for who has none: that is counted', async () => {
    await members({ id: 'a', identities: { email: ['z@x', 'b@x'] } }, { id: 'b', identities: { crm: ['1'] } });
    const { lines, counts, skippedBecause } = await read(['identities.email', 'profile.id']);
    expect(lines).toEqual(['b@x,a', 'z@x,a']);
    expect(counts).toMatchObject({ read: 3, written: 2, skipped: 1 });
    expect(skippedBecause).toEqual({ 'required:identities_email': 1 });
  });

  it('leave out who lacks a required column, by column', async () => {
    await members(
      { id: 'a', attributes: { x: '', y: '1' } },
      { id: 'b', attributes: { x: '1' } },
      { id: 'c', attributes: { x: '1', y: 0 } },
    );
    const required = (source: string) => ({ source, target: source, required: true });
    const { lines, skippedBecause } = await read([required('attributes.x'), required('attributes.y')]);
    expect(lines).toEqual(['1,0']);
    expect(skippedBecause).toEqual({ 'required:attributes_x': 1, 'required:attributes_y': 1 });
  });

  describe('with a deduplication key', () => {
    const key = (source: string) => ({ source, target: source, key: true });
    const twins = [
      {
        id: 'early',
        since: '2026-01-01T00:00:00Z',
        attributes: { email: 'e', name: 'Doe' },
        identities: { email: ['a', 'b1'] },
      },
      {
        id: 'late',
        since: '2026-01-02T00:00:00Z',
        attributes: { email: 'e', name: 'D' },
        identities: { email: ['a', 'b2'] },
      },
    ] satisfies [Membership, Membership];

    it('of an attribute are those of the profile updated last', async () => {
      await members(...twins);
      const { lines, counts, skippedBecause } = await read([key('attributes.email'), 'attributes.name']);
      expect(lines).toEqual(['e,D']);
      expect(counts).toMatchObject({ read: 2, written: 1, skipped: 1 });
      expect(skippedBecause).toEqual({ duplicate: 1 });
    });

    it('of two attributes are those that differ in either', async () => {
      await members(...twins);
      expect((await read([key('attributes.email'), key('attributes.name')])).lines).toEqual(['e,Doe', 'e,D']);
    });

    it('of an identity are those of the later one of two profiles that share an id', async () => {
      await members(...twins);
      expect((await read(['identities.email', 'attributes.name'])).lines).toEqual(['a,D', 'b2,D']);
    });

    it('without a key are all there', async () => {
      await members(...twins);
      expect((await read(['attributes.email'])).lines).toEqual(['e', 'e']);
    });

    it('take an identity that came in later for the update', async () => {
      await members({ ...twins[0], identifiedAt: '2026-01-03T00:00:00Z' }, twins[1]);
      expect((await read([key('attributes.email'), 'attributes.name'])).lines).toEqual(['e,Doe']);
    });

    it('compare the other columns of equally late ones, whichever is stored first', async () => {
      const at = { since: '2026-01-01T00:00:00Z' };
      await members(
        { id: '1', ...at, attributes: { email: 'e', name: 'b' } },
        { id: '2', ...at, attributes: { email: 'e', name: 'a' } },
        { id: '3', ...at, attributes: { email: 'e', name: 'a' } },
      );
      expect((await read([key('attributes.email'), 'attributes.name', 'profile.id'])).lines).toEqual(['e,a,2']);
    });

    it('never lose to a row that is not exported, nor for a key they do not have', async () => {
      const required = { source: 'attributes.phone', target: 'phone', required: true };
      await members(
        { id: 'complete', since: '2026-01-01T00:00:00Z', attributes: { email: 'e', phone: '1' } },
        { id: 'later', since: '2026-01-02T00:00:00Z', attributes: { email: 'e' } },
        { id: 'x', attributes: { phone: '2' } },
        { id: 'y', attributes: { phone: '3' } },
      );
      const { lines, skippedBecause } = await read([key('attributes.email'), required]);
      expect(lines).toEqual(['e,1', ',2', ',3']);
      expect(skippedBecause).toEqual({ 'required:phone': 1 });
    });

    it('hold the later of an exit and an entry', async () => {
      await members({ ...twins[0], change: 10 }, { ...twins[1], status: 'exited', change: 11 });
      const { lines } = await read([key('attributes.email'), 'segment.status'], { changedSince: '5' });
      expect(lines).toEqual(['e,exited']);
    });
  });

  describe('in parts', () => {
    const inParts = async (request: RowsRequest) => {
      const parts = [];
      for (let after: string | null = null; ;) {
        const result = await part(request, after);
        if (result.rows === 0) return parts;
        const { delivered, ...facts } = result as PartRead<Buffer>;
        parts.push({ ...facts, text: delivered.toString() });
        if (!facts.more) return parts;
        after = facts.lastKey;
      }
    };

    it.each([
      [1, [1, 1, 1, 1, 1, 1]],
      [4, [4, 2]],
      [6, [6]],
      [7, [6]],
    ])('of at most %d rows begin where the one before ended', async (maxRowsPerFile, sizes) => {
      await members(
        ...['a', 'b', 'c'].map((id) => ({ id, identities: { n: [`${id}1`, `${id}2`] } })),
        { id: 'bb' },
        { id: 'd' },
      );
      const parts = await inParts(requestOf(['identities.n'], { files: { maxRowsPerFile } }));
      expect(parts.map(({ rows }) => rows)).toEqual(sizes);
      expect(parts.map(({ more }) => more)).toEqual(sizes.map((_, n) => n < sizes.length - 1));
      const lines = parts.flatMap(({ text }) => text.split('\r\n').slice(1, -1));
      expect(lines).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2']);
      // Every row is counted in one part: those left out behind the last one too.
      expect(parts.reduce((sum, { counts }) => sum + counts.skipped, 0)).toBe(2);
    });

    it('state what they hold: rows, bytes and checksum of the plain content', async () => {
      await members({ id: 'a' }, { id: 'b' });
      const [only] = await inParts(requestOf(['profile.id']));
      const text = 'profile_id\r\na\r\nb\r\n';
      expect(only).toMatchObject({
        text,
        rows: 2,
        contentBytes: text.length,
        contentSha256: createHash('sha256').update(text).digest('hex'),
        more: false,
      });
    });

    it('are none where there is no row, and say why', async () => {
      await members({ id: 'a' });
      const deliver = () => Promise.reject(new Error('nobody is to be called'));
      const request = requestOf([{ source: 'attributes.x', target: 'x', required: true }]);
      expect(await readPart(database, request, { after: null, signal: never }, deliver)).toEqual({
        rows: 0,
        counts: { read: 1, written: 0, skipped: 1, failed: 0, exited: 0 },
        skippedBecause: { 'required:x': 1 },
      });
    });

    it('compressed hold the same plain bytes, and the same bytes each time', async () => {
      await members(...Array.from({ length: 500 }, (_, n) => ({ id: `p${n}`, attributes: { x: 'x'.repeat(n) } })));
      const mapping = ['profile.id', 'attributes.x'];
      const plain = (await part(requestOf(mapping))) as PartRead<Buffer>;
      const request = requestOf(mapping, { files: { compression: 'gzip' } });
      const [once, twice] = (await Promise.all([part(request), part(request)])) as PartRead<Buffer>[];
      expect(gunzipSync(once?.delivered ?? '').equals(plain.delivered)).toBe(true);
      expect(once?.delivered.equals(twice?.delivered ?? Buffer.alloc(0))).toBe(true);
      expect(once?.contentSha256).toBe(plain.contentSha256);
    });
  });

  describe('that cannot be read to the end', () => {
    const many = () =>
      database.pool.query(
        `insert into ${AUDIENCE_EXPORT_VIEW}
         select $1, $2, $3, 'p' || n, 'realized', now(), 1, '{}', jsonb_build_object('x', repeat('x', 1000)), now()
         from generate_series(1, 20000) n`,
        [scope.tenant, scope.sandbox, segment.id],
      );
    const request = requestOf(['profile.id', 'attributes.x'], { files: { maxRowsPerFile: 1_000_000 } });
    const open = () => database.pool.totalCount - database.pool.idleCount;

    const backendEnds = () =>
      database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy %' and datname = current_database()`,
      );

    it.each(['none', 'gzip'] as const)(
      'are no file: a database that goes away is told as that (compression %s)',
      async (compression) => {
        await many();
        const direct = new URL(server.url);
        const proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
        const url = Object.assign(new URL(direct), { port: String(proxy.port) }).href;
        const far = await openDatabase({ url, schema: 'delivery' });
        for (const lose of [backendEnds, async () => proxy.set('cut')]) {
          const losing = async (content: AsyncIterable<Uint8Array>) => {
            let pieces = 0;
            for await (const _ of content) if (++pieces === 3) await lose();
          };
          const { files, ...rest } = request;
          const reading = readPart(
            far,
            { ...rest, files: { ...files, compression } },
            { after: null, signal: never },
            losing,
          );
          const error: unknown = await reading.catch((thrown: unknown) => thrown);
          expect(isTransient(error)).toBe(true);
          expect(far.pool.totalCount - far.pool.idleCount).toBe(0);
        }
        await far.close();
        await proxy.stop();
      },
    );

    it('stop when the run is aborted, or the receiver gives up', async () => {
      await many();
      const abort = new AbortController();
      const aborting = async (content: AsyncIterable<Uint8Array>) => {
        for await (const _ of content) abort.abort(new Error('cancelled'));
      };
      const options = { after: null, signal: abort.signal };
      await expect(readPart(database, request, options, aborting)).rejects.toThrow('cancelled');
      await expect(readPart(database, request, options, aborting)).rejects.toThrow('cancelled');
      const failing = async (content: AsyncIterable<Uint8Array>) => {
        for await (const _ of content) throw new Error('disk full');
      };
      await expect(readPart(database, request, { ...options, signal: never }, failing)).rejects.toThrow('disk full');
      const inPart = async (content: AsyncIterable<Uint8Array>) => {
        for await (const _ of content) break;
      };
      await expect(readPart(database, request, { ...options, signal: never }, inPart)).rejects.toThrow('in part only');
      expect(open()).toBe(0);
    });

    it('tell how far they are', async () => {
      await many();
      const seen: number[] = [];
      await readPart(
        database,
        request,
        { after: null, signal: never, onProgress: ({ rows }) => seen.push(rows) },
        collect,
      );
      expect(seen.length).toBeGreaterThan(10);
      expect(seen.at(-1)).toBe(20_000);
      expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    });
  });

  describe('whose parts are looked for ahead', () => {
    const SCOUT = 'waybill scout of a test';
    let scouts: Database;
    beforeAll(async () => {
      scouts = await openDatabase({ url: server.url, schema: 'delivery', applicationName: SCOUT });
    });
    afterAll(() => scouts.close());

    /** Where the scout says that so many parts end, or more, with what `inSnapshot` answers while it holds its snapshot. */
    const scouted = async <T = void>(
      request: RowsRequest,
      parts: number,
      { after = null, inSnapshot }: { after?: string | null; inSnapshot?: (snapshot: string) => Promise<T> } = {},
    ) => {
      const over = new AbortController();
      const found: string[] = [];
      let snapshot = '';
      let looking: Promise<T> | undefined;
      const onPartEnd = async (lastKey: string) => {
        found.push(lastKey);
        if (found.length === 1) await (looking = inSnapshot?.(snapshot));
      };
      const onSnapshot = (id: string) => (snapshot = id);
      let ended = false;
      const scouting = scoutParts(scouts, request, { after, signal: over.signal, onSnapshot, onPartEnd }).finally(
        () => (ended = true),
      );
      while (!ended && found.length < parts) await moment();
      const looked = await looking;
      await untilHolding(1);
      over.abort();
      await scouting;
      await untilHolding(0);
      return { found, looked: looked as T };
    };
    const moment = () => new Promise((resolve) => setTimeout(resolve, 20));
    /** Until so many scouts have been sent all rows, and hold their snapshot. */
    const untilHolding = async (count: number) => {
      for (let holding = -1; holding !== count; await moment()) {
        const { rowCount } = await database.pool.query(
          `select 1 from pg_stat_activity where application_name = $1 and state = 'idle in transaction'`,
          [SCOUT],
        );
        holding = rowCount ?? 0;
      }
    };
    const endsOfParts = async (request: RowsRequest) => {
      const ends: string[] = [];
      for (let after: string | null = null; ;) {
        const read: Awaited<ReturnType<typeof part>> = await part(request, after);
        if (!('delivered' in read) || !read.more) return ends;
        ends.push(read.lastKey);
        after = read.lastKey;
      }
    };
    const people = Array.from({ length: 60 }, (_, n) => ({
      id: `p${n}\t${n % 3}`,
      attributes: {
        x: n % 7 === 0 ? null : n % 5 === 0 ? '=1+1' : 'a\nb',
        y: n % 4 === 0 ? '' : `${n}`,
        z: `${n % 40}`,
      },
      identities: n % 6 === 0 ? {} : { email: [`${n}@x`, ...(n % 2 ? [`also-${n}@x`] : [])] },
    }));
    const unquoted = {
      delimiter: ',',
      quote: '',
      escape: '',
      nullValue: '',
      emptyValue: '',
      injection: 'machine',
    } as const;
    const rejecting = { ...unquoted, quote: '"', escape: '"', injection: 'reject' } as const;
    const needed = { source: 'attributes.y', target: 'y', required: true };

    it.each<[string, Parameters<typeof requestOf>[0], Partial<RowsRequest['files']>]>([
      ['by their id alone', ['profile.id', 'attributes.x'], {}],
      ['of which some lack a required column', ['profile.id', 'attributes.x', needed], {}],
      ['of which some hold formulas', ['profile.id', 'attributes.x', needed], { csv: rejecting }],
      ['of which some cannot be quoted', ['profile.id', 'attributes.x'], { csv: unquoted }],
      ['by identity', ['identities.email', 'attributes.x'], {}],
      ['of which some share a key', [{ source: 'attributes.z', target: 'z', key: true }, 'attributes.x', needed], {}],
      ['as JSON', ['identities.email', 'attributes.x', needed], { format: 'json' }],
    ])('(%s) are found to end where they do', async (_, mapping, files) => {
      await members(...people);
      for (const maxRowsPerFile of [1, 2, 7, 10, 1000]) {
        const request = requestOf(mapping, { files: { ...files, maxRowsPerFile } });
        const ends = await endsOfParts(request);
        expect((await scouted(request, ends.length)).found).toEqual(ends);
      }
    });

    it('are no more than there are, also where the last one is full', async () => {
      await members(...['a', 'b', 'c', 'd'].map((id) => ({ id, attributes: { x: '1' } })), { id: 'e' });
      const request = requestOf(['profile.id', { source: 'attributes.x', target: 'x', required: true }], {
        files: { maxRowsPerFile: 2 },
      });
      expect((await scouted(request, 1)).found).toEqual(['["b"]']);
      expect((await scouted(request, 1, { after: '["a"]' })).found).toEqual(['["c"]']);
    });

    it('are, in the same snapshot, what they were, whatever has changed since', async () => {
      await members(...['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, attributes: { x: 'then' } })));
      const request = requestOf(['profile.id', 'attributes.x'], { files: { maxRowsPerFile: 2 } });
      const { looked } = await scouted(request, 2, {
        inSnapshot: async (snapshot) => {
          await database.pool.query(`delete from ${AUDIENCE_EXPORT_VIEW} where profile_id = 'c'`);
          await database.pool.query(`update ${AUDIENCE_EXPORT_VIEW} set attributes = '{"x": "now"}'`);
          const read = await readPart(database, request, { after: '["b"]', signal: never, snapshot }, collect);
          return 'delivered' in read ? { text: read.delivered.toString(), more: read.more } : read;
        },
      });
      expect(looked).toEqual({ text: 'profile_id,attributes_x\r\nc,then\r\nd,then\r\n', more: true });
      expect((await read(['profile.id', 'attributes.x'])).lines).toEqual(['a,now', 'b,now', 'd,now', 'e,now']);
    });

    it('are not read in a snapshot that is gone', async () => {
      await members({ id: 'a' }, { id: 'b' });
      const request = requestOf(['profile.id'], { files: { maxRowsPerFile: 1 } });
      const { looked } = await scouted(request, 1, { inSnapshot: (snapshot) => Promise.resolve(snapshot) });
      await expect(
        readPart(database, request, { after: null, signal: never, snapshot: looked }, collect),
      ).rejects.toMatchObject({ slug: 'snapshot-gone', kind: 'unavailable' });
    });
  });

  it('are read with the rights of the export role, and no others', async () => {
    await members({ id: 'a' });
    await database.pool.query(`revoke select on ${AUDIENCE_EXPORT_VIEW} from ${AUDIENCE_EXPORT_ROLE}`);
    await expect(part(requestOf(['profile.id']))).rejects.toThrow('permission denied');
    await database.pool.query(GRANT_EXPORT);
    expect((await read(['profile.id'])).lines).toEqual(['a']);
  });

  it('can be looked at before: the first ones, and who is left out', async () => {
    await members(
      { id: 'a', attributes: { x: '1,5' } },
      { id: 'b' },
      { id: 'c', attributes: { x: '3' } },
      { id: 'd', attributes: { x: '4' } },
    );
    const request = requestOf(['profile.id', { source: 'attributes.x', target: 'x', required: true }]);
    expect(await previewRows(database, request, { rows: 2, signal: never })).toEqual({
      toRead: 4,
      header: 'profile_id,x',
      rows: ['a,"1,5"', 'c,3'],
      rejected: [{ profileId: 'b', reason: 'required:x' }],
    });
    expect(await previewRows(database, request, { rows: 10, signal: never })).toMatchObject({ rows: { length: 3 } });
  });
});
