import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf } from './testing/expectations.js';
import type { LoadView, ProfileView, SegmentView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;
let segments = 0;
let segmentId: string;

beforeAll(async () => {
  waybill = await startWaybill();
  api = waybill.api();
});
afterAll(() => waybill.close());
beforeEach(async () => {
  segmentId = `bad-${++segments}`;
  await api.put(`/v1/segments/${segmentId}`, { name: 'Bad uploads' });
});

const CSV = { 'content-type': 'text/csv' };
const NDJSON = { 'content-type': 'application/x-ndjson' };

const load = (content: string | Buffer, query = 'identity=email', headers: Record<string, string> = CSV) =>
  api.send<LoadView>('POST', `/v1/segments/${segmentId}/members?${query}`, content as string, headers);
const loaded = async (...given: Parameters<typeof load>) => {
  const { status, body } = await load(...given);
  expect(status).toBe(200);
  return body;
};
const members = async () => (await api.get<SegmentView>(`/v1/segments/${segmentId}`)).body.members;
const attributesOf = async (id: string) =>
  (await api.get<ProfileView>(`/v1/profiles/${encodeURIComponent(id)}`)).body.attributes;

describe('a CSV upload', () => {
  it('has ragged rows rejected with their lines, and the others taken', async () => {
    expect(await loaded('email,city\na@x.io,Berlin\nb@x.io\nc@x.io,Wien,extra\nd@x.io,Bonn\n')).toMatchObject({
      received: 4,
      accepted: 2,
      rejected: 2,
      rejections: [
        { line: 3, reason: expect.stringMatching(/1 field.* 2/) },
        { line: 4, reason: expect.stringMatching(/3 fields.* 2/) },
      ],
    });
    expect(await members()).toBe(2);
  });

  it('may begin with a byte-order mark, end lines with CRLF and quote what it likes', async () => {
    const csv = '\ufeffemail,note\r\n"bom@x.io","says ""hi"", twice\r\nand on"\r\nplain@x.io,\r\n';
    expect(await loaded(csv)).toMatchObject({ received: 2, accepted: 2, rejected: 0 });
    expect(await attributesOf('bom@x.io')).toEqual({ note: 'says "hi", twice\r\nand on' });
    expect(await attributesOf('plain@x.io')).toEqual({ note: '' });
  });

  it('has the second of two equal ids rejected, with the line of the first', async () => {
    expect(await loaded('email,n\nfirst@x.io,1\nb@x.io,2\nfirst@x.io,3\n')).toMatchObject({
      accepted: 2,
      rejected: 1,
      rejections: [{ line: 4, reason: expect.stringContaining('line 2') }],
    });
    expect(await attributesOf('first@x.io')).toEqual({ n: '1' });
  });

  it('has lines rejected that are not UTF-8, or hold a NUL, or have no id', async () => {
    const latin1 = Buffer.concat([
      Buffer.from('email,city\na@x.io,'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('\nb@x.io,nul\u0000\n,Berlin\nd@x.io,Bonn\n'),
    ]);
    expect(await loaded(latin1)).toMatchObject({
      accepted: 1,
      rejections: [
        { line: 2, reason: expect.stringContaining('UTF-8') },
        { line: 3, reason: expect.stringContaining('NUL') },
        { line: 4, reason: expect.stringContaining('empty') },
      ],
    });
  });

  it('has a line rejected that holds 2 MB in one cell, and reads on', async () => {
    const huge = `a@x.io,"${'x'.repeat(2_000_000)}"\nb@x.io,small\n`;
    expect(await loaded(`email,note\n${huge}`)).toMatchObject({
      received: 2,
      accepted: 1,
      rejections: [{ line: 2, reason: expect.stringMatching(/1 MiB/) }],
    });
  });

  it.each([
    ['has no header', 'a@x.io,Berlin\n', /"email"/],
    ['is empty', '', /empty/],
    ['names a column twice', 'email,a,a\nx@x.io,1,2\n', /same name/],
    ['names the identity column otherwise', 'Email,a\nx@x.io,1\n', /"Email"/],
    ['holds only a byte-order mark', '\ufeff', /./],
  ])('is refused when it %s', async (_, csv, why) => {
    const answer = await load(csv);
    expect(outcomeOf(answer)).toBe('400 csv-header-unusable');
    expect(answer.problem.detail).toMatch(why);
    expect(await members()).toBe(0);
  });

  it('is refused when a quote never closes', async () => {
    const answer = await load('email,note\na@x.io,ok\nb@x.io,"never\nc@x.io,lost\n');
    expect(outcomeOf(answer)).toBe('400 csv-quote-unclosed');
    expect(answer.problem.detail).toContain('line 3');
    expect(await members()).toBe(0);
  });

  it('of zero rows is no mistake: nobody enters, and with replace everybody exits', async () => {
    await loaded('email\na@x.io\n');
    expect(await loaded('email\n')).toMatchObject({ received: 0, accepted: 0, entered: 0, exited: 0 });
    expect(await loaded('email\n', 'identity=email&mode=replace')).toMatchObject({ received: 0, exited: 1 });
    expect(await members()).toBe(0);
  });

  it('of which no line can be used does not replace a segment', async () => {
    await loaded('email,n\na@x.io,1\n');
    const answer = await load('email,n\nb@x.io\n', 'identity=email&mode=replace');
    expect(outcomeOf(answer)).toBe('422 nothing-accepted');
    expect(answer.problem['rejections']).toEqual([{ line: 2, reason: expect.any(String) }]);
    expect(await members()).toBe(1);
  });

  it('names the first hundred of its rejections and counts them all', async () => {
    const csv = `email,n\n${'lonely\n'.repeat(250)}a@x.io,1\n`;
    const body = await loaded(csv);
    expect(body).toMatchObject({ received: 251, accepted: 1, rejected: 250 });
    expect(body.rejections).toHaveLength(100);
  });

  it.each([
    ['identity=', '400 invalid-input'],
    ['', '400 invalid-input'],
    ['identity=email&mode=append', '400 invalid-input'],
    ['identity=email&mod=merge', '400 invalid-input'],
  ])('is refused with the query %j', async (query, outcome) => {
    expect(outcomeOf(await load('email\na@x.io\n', query))).toBe(outcome);
  });
});

describe('an NDJSON upload', () => {
  it('has broken lines rejected without quoting them, and the others taken', async () => {
    const lines = [
      '{"id":"ok-1"}',
      '{"id":"secret-person@x.io", broken}',
      '[1]',
      '{"id":7}',
      '{"id":"a","identites":{}}',
      '{"id":"b","attributes":{"nul":"\\u0000"}}',
      '{"id":"c","status":"left"}',
      '',
      '{"id":"ok-2"}',
    ];
    const body = await loaded(lines.join('\n'), '', NDJSON);
    expect(body).toMatchObject({ received: 8, accepted: 2, rejected: 6 });
    expect(body.rejections.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(body.rejections[0]?.reason).toMatch(/not valid JSON/);
    expect(body.rejections[3]?.reason).toMatch(/"identites".*identities/);
    expect(JSON.stringify(body)).not.toContain('secret-person');
  });
});

describe('an upload that breaks off', () => {
  /** Sends the beginning of an upload and goes away. */
  const breakOff = async (query: string, headers: Record<string, string>, content: string): Promise<void> => {
    const upload = request(`${waybill.address}/v1/segments/${segmentId}/members?${query}`, {
      method: 'POST',
      headers: { ...CSV, ...headers },
    });
    const gone = new Promise((resolve) => upload.once('error', resolve)); // it is we who break it
    await new Promise((resolve) => upload.write(content, resolve));
    await sleep(100);
    upload.destroy(new Error('gone'));
    await gone;
  };

  it.each(['merge', 'replace'])('changes nothing with %s', async (mode) => {
    await loaded('email,n\na@x.io,1\nb@x.io,2\n');
    const rows = Array.from({ length: 20_000 }, (_, row) => `new-${row}@x.io,${row}\n`);
    await breakOff(
      `identity=email&mode=${mode}`,
      { 'transfer-encoding': 'chunked' },
      `email,n\n${rows.join('')}half a li`,
    );
    // The process goes on, and a later upload finds the segment as it was.
    expect(await loaded('email,n\na@x.io,1\n')).toMatchObject({ entered: 0, unchanged: 1 });
    expect(await members()).toBe(2);
    expect((await api.get('/v1/profiles/new-0%40x.io')).status).toBe(404);
  });

  it('changes nothing when it promised more than it sent, though it ends with a whole line', async () => {
    await breakOff('identity=email', { 'content-length': '100000' }, 'email\na@x.io\n');
    expect(await loaded('email\nb@x.io\n')).toMatchObject({ entered: 1 });
    expect(await members()).toBe(1);
  });

  it('is no defect of ours, and the log does not call it one', async () => {
    // One that breaks off before the service has heard of it says nothing: then once more.
    await eventually(
      async () => {
        if (waybill.output.includes('broke off')) return true;
        await breakOff('identity=email', { 'content-length': '100000' }, 'email\na@x.io\n');
        return false;
      },
      (isSaid) => isSaid,
    );
    expect(waybill.output).not.toMatch(/"level":50|internal-error|database-unavailable/);
  });
});

it('an upload of another kind is refused with the kinds that are taken', async () => {
  for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'text/plain' }]) {
    const answer = await load('[]', 'identity=email', headers);
    expect(outcomeOf(answer)).toBe('415 content-type-unsupported');
  }
});
