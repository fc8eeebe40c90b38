import type { Api } from './testing/api.js';
import { outcomeOf } from './testing/expectations.js';
import type { Page, SegmentView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;

beforeAll(async () => {
  waybill = await startWaybill();
  api = waybill.api();
});
afterAll(() => waybill.close());

const LISTS = ['/v1/accounts', '/v1/destinations', '/v1/segments', '/v1/marketing-actions', '/v1/runs'];
const define = (id: string) => api.put(`/v1/segments/${id}`, { name: `Segment ${id}` });

describe('X-Min-Position', () => {
  it('makes a list show the write that answered with it, every time', async () => {
    for (let index = 0; index < 30; index++) {
      const { headers } = await define(`seen-${index}`);
      const { body } = await api.get<Page<SegmentView>>(`/v1/segments?search=seen-${index}`, {
        'x-min-position': headers.get('x-position') ?? '',
      });
      expect(body.items.map(({ id }) => id)).toContain(`seen-${index}`);
    }
  });

  it('that is malformed or beyond the end of the log is refused at once', async () => {
    let longestMs = 0;
    const timed = async <T>(asking: Promise<T>): Promise<T> => {
      const started = performance.now();
      const answer = await asking;
      longestMs = Math.max(longestMs, performance.now() - started);
      return answer;
    };
    for (const path of LISTS) {
      for (const position of ['abc', '-1', '1.5', '01', '9'.repeat(30), '1 or 1=1', '']) {
        const answer = await timed(api.get(path, { 'x-min-position': position }));
        expect(`${position}: ${outcomeOf(answer)}`).toBe(`${position}: 400 position-malformed`);
      }
      expect(outcomeOf(await timed(api.get(path, { 'x-min-position': '99999999999' })))).toBe(
        '400 position-beyond-log',
      );
    }
    expect(longestMs).toBeLessThan(4_000); // one that waits does so for 5 s
  });
});

describe('a list', () => {
  it('comes in pages, each thing once, though things are added meanwhile', async () => {
    let position = '';
    for (let index = 0; index < 12; index++) {
      position = (await define(`paged-${index}`)).headers.get('x-position') ?? '';
    }
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { body }: { body: Page<SegmentView> } = await api.get(`/v1/segments?search=paged&limit=5${query}`, {
        'x-min-position': position,
      });
      found.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
      await define(`paged-later-${found.length}`);
    } while (cursor !== null);
    expect(found).toEqual(Array.from({ length: 12 }, (_, index) => `paged-${11 - index}`));
  });

  it.each(LISTS)('%s takes 1 to 1000 a page', async (path) => {
    for (const limit of ['0', '-1', '1001', 'many', '1.5']) {
      const answer = await api.get(`${path}?limit=${limit}`);
      expect(`${limit}: ${outcomeOf(answer)}`).toBe(`${limit}: 400 invalid-input`);
    }
    expect((await api.get(`${path}?limit=1000`)).status).toBe(200);
    const { body } = await api.get<Page<object>>(path);
    expect(body).toEqual({ items: expect.any(Array), nextCursor: null });
  });

  it.each(LISTS)('%s refuses a cursor that it did not give', async (path) => {
    const encode = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');
    for (const cursor of [
      'abc',
      encode({}),
      encode([]),
      encode([1, 2, 3]),
      encode([{}, {}]),
      encode(['not a time', 'x']),
      encode(['2026-13-45T10:00:00.000000Z', 'x']),
      encode(['2026-02-31T10:00:00.000000Z', 'x']),
      encode(['2026-11-22T10:00:00.000000Z; drop table x', 'x']),
      encode([7, 7]),
      encode(['2026-11-22T10:00:00.000000Z', 'nul\u0000']),
    ]) {
      const answer = await api.get(`${path}?cursor=${cursor}`);
      expect(`${cursor}: ${outcomeOf(answer)}`).toBe(`${cursor}: 400 cursor-malformed`);
    }
  });
});

it('nothing of all this was a defect of ours', () => {
  expect(waybill.output).not.toMatch(/"level":50/);
});
