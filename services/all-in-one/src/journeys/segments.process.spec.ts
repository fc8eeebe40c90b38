import type { Api } from './testing/api.js';
import { outcomeOf, TIME, UUID } from './testing/expectations.js';
import type { LoadView, Page, ProfileView, SegmentView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;

beforeAll(async () => {
  waybill = await startWaybill();
  api = waybill.api();
});
afterAll(() => waybill.close());

const load = async (segmentId: string, csv: string, mode: 'merge' | 'replace' = 'merge') => {
  const path = `/v1/segments/${encodeURIComponent(segmentId)}/members?mode=${mode}&identity=email`;
  const { status, body } = await api.send<LoadView>('POST', path, csv, { 'content-type': 'text/csv' });
  expect(status).toBe(200);
  return body;
};
const segment = async (id: string) => (await api.get<SegmentView>(`/v1/segments/${encodeURIComponent(id)}`)).body;
const profile = (id: string, as: Api = api) => as.get<ProfileView>(`/v1/profiles/${encodeURIComponent(id)}`);

describe('a segment', () => {
  it('is made under an id of the client, revised under the same, and found', async () => {
    const made = await api.put('/v1/segments/loyal', { name: 'Loyal', description: 'They came back.' });
    expect(made).toMatchObject({
      status: 201,
      body: { id: 'loyal', name: 'Loyal', members: 0, exited: 0, updatedAt: expect.stringMatching(TIME) },
    });
    expect(made.headers.get('location')).toBe('/v1/segments/loyal');
    const revised = await api.put('/v1/segments/loyal', { name: 'Very loyal' }, { 'if-match': '"0"' });
    expect(revised).toMatchObject({ status: 200, body: { name: 'Very loyal', description: 'They came back.' } });
    expect(outcomeOf(await api.put('/v1/segments/loyal', { name: 'Late' }, { 'if-match': '"0"' }))).toBe(
      '412 version-mismatch',
    );
    expect((await api.get('/v1/segments/loyal')).body).toEqual(revised.body);

    const seen = { 'x-min-position': revised.headers.get('x-position') ?? '' };
    const list = async (query: string) =>
      (await api.get<Page<SegmentView>>(`/v1/segments?${query}`, seen)).body.items.map(({ id }) => id);
    expect(await list('search=VERY')).toEqual(['loyal']);
    expect(await list('search=nobody')).toEqual([]);
    expect(outcomeOf(await waybill.api({ 'x-tenant': 'other' }).get('/v1/segments/loyal'))).toBe(
      '404 segment-not-found',
    );
  });

  it('is made under an id of ours when the client has none', async () => {
    const made = await api.post<SegmentView>('/v1/segments', { name: 'Ours' });
    expect(made).toMatchObject({ status: 201, body: { id: expect.stringMatching(UUID), name: 'Ours' } });
    expect(await segment(made.body.id)).toMatchObject({ name: 'Ours' });
  });

  it.each(['with space', 'ümlaut/slash?&#', '%41', "o'neill", '日本', 'x'.repeat(256), '😀'.repeat(256)])(
    'may be named %j, percent-encoded in the path',
    async (id) => {
      const path = `/v1/segments/${encodeURIComponent(id)}`;
      expect(await api.put(path, { name: 'Odd' })).toMatchObject({ status: 201, body: { id } });
      expect((await api.get<SegmentView>(path)).body.id).toBe(id);
    },
  );

  it('may not be named with a NUL, which no path may hold', async () => {
    const answer = await api.put(`/v1/segments/${encodeURIComponent('nul\u0000')}`, { name: 'Bad' });
    expect(outcomeOf(answer)).toBe('400 malformed-request');
  });

  it.each(['x'.repeat(257), 'line\nend', '\u0085'])('may not be named %j', async (id) => {
    const answer = await api.put(`/v1/segments/${encodeURIComponent(id)}`, { name: 'Bad' });
    expect(outcomeOf(answer)).toBe('400 invalid-input');
    expect(answer.problem.fields?.map(({ path }) => path)).toEqual(['id']);
  });
});

describe('members', () => {
  it('enter, stay and exit, and the segment counts them', async () => {
    await api.put('/v1/segments/counted', { name: 'Counted' });
    expect(await load('counted', 'email,city\na@x.io,Berlin\nb@x.io,Wien\nc@x.io,\n')).toMatchObject({
      ...{ received: 3, accepted: 3, entered: 3, exited: 0, unchanged: 0, rejected: 0, rejections: [] },
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await load('counted', 'email,city\nb@x.io,Graz\nd@x.io,Linz\n')).toMatchObject({ entered: 1, unchanged: 1 });
    expect(await segment('counted')).toMatchObject({ members: 4, exited: 0 });

    expect(await load('counted', 'email,city\na@x.io,Bonn\n', 'replace')).toMatchObject({ entered: 0, exited: 3 });
    expect(await segment('counted')).toMatchObject({ members: 1, exited: 3 });
    expect(await load('counted', 'email\nb@x.io\n')).toMatchObject({ entered: 1 });
    expect(await segment('counted')).toMatchObject({ members: 2, exited: 2 });
  });

  it('are profiles, with what the uploads said of them last', async () => {
    expect(await profile('b@x.io')).toMatchObject({
      status: 200,
      body: {
        id: 'b@x.io',
        identities: { email: ['b@x.io'] },
        attributes: { city: 'Graz' },
        segments: [{ id: 'counted', status: 'realized', since: expect.stringMatching(TIME) }],
      },
    });
    expect((await profile('c@x.io')).body).toMatchObject({
      attributes: { city: '' },
      segments: [{ status: 'exited' }],
    });
    expect(outcomeOf(await profile('nobody@x.io'))).toBe('404 profile-not-found');
    expect(outcomeOf(await profile('b@x.io', waybill.api({ 'x-tenant': 'other' })))).toBe('404 profile-not-found');
    expect(outcomeOf(await profile('b@x.io', waybill.api({ 'x-sandbox': 'dev' })))).toBe('404 profile-not-found');
  });

  it('come as NDJSON with identities, attributes of any shape and a status', async () => {
    await api.put('/v1/segments/lines', { name: 'Lines' });
    const lines = [
      {
        id: 'p-1',
        identities: { email: ['a@x.io', 'b@x.io'], crm: '7' },
        attributes: { tags: ['a', { b: 1 }], n: null },
      },
      { id: 'p-2' },
      { id: 'p-3', status: 'exited' },
    ];
    const send = (body: string) =>
      api.send<LoadView>('POST', '/v1/segments/lines/members', body, { 'content-type': 'application/x-ndjson' });
    const big = '{"id":"p-4","attributes":{"n":12345678901234567890.5}}';
    const answer = await send([...lines.map((line) => JSON.stringify(line)), big].join('\n'));
    expect(answer).toMatchObject({ status: 200, body: { received: 4, accepted: 4, entered: 3, rejected: 0 } });
    expect((await profile('p-1')).body).toMatchObject({
      identities: { email: ['a@x.io', 'b@x.io'], crm: ['7'] },
      attributes: { tags: ['a', { b: 1 }], n: null },
    });
    expect(await segment('lines')).toMatchObject({ members: 3, exited: 1 });
  });

  it('belong to a segment that is there, and the tenant that loads', async () => {
    const post = (as: Api) =>
      as.send('POST', '/v1/segments/nowhere/members?identity=email', 'email\na@x.io\n', { 'content-type': 'text/csv' });
    expect(outcomeOf(await post(api))).toBe('404 segment-not-found');
    await api.put('/v1/segments/nowhere', { name: 'Somewhere' });
    expect(outcomeOf(await post(waybill.api({ 'x-tenant': 'other' })))).toBe('404 segment-not-found');
    expect(outcomeOf(await post(api))).toBe('200');
  });
});

describe('erasing a profile', () => {
  it('removes it from every segment and every store, and it is unknown from then on', async () => {
    for (const id of ['one', 'two']) {
      await api.put(`/v1/segments/${id}`, { name: id });
      await load(id, 'email,name\nforget@x.io,Unforgettable\nkeep@x.io,Kept\n');
    }
    await load('two', 'email\nkeep@x.io\n', 'replace');
    const erased = await api.delete<{ destinations: unknown[] }>('/v1/profiles/forget%40x.io');
    expect(erased).toMatchObject({ status: 200, body: { destinations: [] } });

    expect(outcomeOf(await profile('forget@x.io'))).toBe('404 profile-not-found');
    expect(outcomeOf(await api.delete('/v1/profiles/forget%40x.io'))).toBe('404 profile-not-found');
    expect(await segment('one')).toMatchObject({ members: 1, exited: 0 });
    expect(await segment('two')).toMatchObject({ members: 1, exited: 0 });
    expect((await profile('keep@x.io')).status).toBe(200);
  });
});
