import type { Api } from './testing/api.js';
import { type EventStream, watchEvents } from './testing/event-stream.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf } from './testing/expectations.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;
const open: EventStream[] = [];

beforeAll(async () => {
  waybill = await startWaybill();
  api = waybill.api({ 'x-actor': 'mara' });
});
afterAll(() => waybill.close());
afterEach(async () => {
  await Promise.all(open.splice(0).map((stream) => stream.close()));
});

const watch = async (...[query, headers]: [query?: string, headers?: Record<string, string>]) => {
  const stream = await watchEvents(waybill.address, query, headers);
  open.push(stream);
  return stream;
};
const define = (name: string, as: Api = api) => as.post('/v1/marketing-actions', { name });
const namesIn = ({ events }: EventStream) => events.map(({ data }) => data.data['name']);
const untilSeen = (stream: EventStream, name: string) =>
  eventually(
    () => Promise.resolve(namesIn(stream)),
    (names) => names.includes(name),
  );

describe('GET /v1/events', () => {
  it('tells what changes from now on, as CloudEvents', async () => {
    await define('before');
    await untilSeen(await watch('', { 'last-event-id': '0' }), 'before');
    const stream = await watch();
    await define('during');
    await untilSeen(stream, 'during');
    expect(namesIn(stream)).toEqual(['during']);
    expect(stream.events[0]?.data).toMatchObject({
      specversion: '1.0',
      id: expect.any(String),
      type: 'waybill.catalog.MarketingActionDefined.v1',
      source: '/waybill/catalog',
      subject: expect.stringMatching(/^marketing_action-/),
      time: expect.any(String),
      tenant: 'default',
      sandbox: 'prod',
      actor: 'mara',
      correlationid: expect.any(String),
      data: { name: 'during' },
    });
  });

  it('goes on after the event that a dashboard saw last, without a gap and without repetition', async () => {
    const first = await watch();
    for (const name of ['one', 'two', 'three']) await define(name);
    for (const name of ['one', 'two', 'three']) await untilSeen(first, name); // in any order: they are three streams
    const [seen, ...missed] = first.events;
    await first.close();
    await define('four');

    const again = await watch('', { 'last-event-id': seen?.id ?? '' });
    await untilSeen(again, 'four');
    expect(again.events.slice(0, -1)).toEqual(missed);
    const ids = again.events.map(({ id }) => Number(id));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  it('tells the kinds that are asked for', async () => {
    const stream = await watch('?types=SegmentDefined,SegmentRevised');
    await define('unheard');
    await api.put('/v1/segments/heard', { name: 'Heard' });
    await api.put('/v1/segments/heard', { name: 'Heard again' });
    await untilSeen(stream, 'Heard again');
    expect(namesIn(stream)).toEqual(['Heard', 'Heard again']);
  });

  it('tells nothing of other tenants and sandboxes', async () => {
    const stream = await watch('', { 'x-tenant': 'other' });
    await define('mine');
    await define('elsewhere', waybill.api({ 'x-tenant': 'other', 'x-sandbox': 'dev' }));
    await define('theirs', waybill.api({ 'x-tenant': 'other' }));
    await untilSeen(stream, 'theirs');
    await untilSeen(await watch('', { 'last-event-id': '0' }), 'mine');
    expect(namesIn(stream)).toEqual(['theirs']);
  });

  it('refuses an id that is none', async () => {
    for (const id of ['abc', '-1', '1.5', '']) {
      expect(outcomeOf(await api.get('/v1/events', { 'last-event-id': id }))).toBe('400 last-event-id-malformed');
    }
  });

  it('ends when the process stops, and goes on after a restart where it was', async () => {
    const stream = await watch();
    await define('lastBefore');
    await untilSeen(stream, 'lastBefore');
    const stopped = performance.now();
    expect(await waybill.stop()).toBe(0);
    expect(performance.now() - stopped).toBeLessThan(20_000);

    await waybill.start();
    await define('firstAfter');
    const again = await watch('', { 'last-event-id': stream.events.at(-1)?.id ?? '' });
    await untilSeen(again, 'firstAfter');
    expect(namesIn(again)).toEqual(['firstAfter']);
  }, 60_000);
});
