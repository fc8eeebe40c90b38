import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './testing/api.js';
import { outcomeOf } from './testing/expectations.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, DestinationView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
let api: Api;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api();
});
afterAll(() => Promise.all([waybill.close(), partner.stop()]));

const TIMES = 25;
const AT_ONCE = 5;
const FIRST_HEAD_STARTS_MS = 75;
/** With this much of a start, whoever is first has won long before the other begins. */
const LONGEST_HEAD_START_MS = 5_000;
/** Each at least once, or it was no race. */
const BOTH_HAVE_WON = ['201', '204'];

/** Starts both, the one before the other by so much; a negative head start is the other's. */
const race = async <A, B>(one: () => Promise<A>, other: () => Promise<B>, headStartMs: number): Promise<[A, B]> => {
  const after = async <T>(ms: number, work: () => Promise<T>): Promise<T> => {
    await sleep(Math.max(0, ms));
    return work();
  };
  return Promise.all([after(-headStartMs, one), after(headStartMs, other)]);
};

/**
 * Many times, a few at once, with every head start from one side's to the other's. How long a side needs differs between
 * backbones and machines: while one of them has never won, again with twice the head starts.
 */
const untilBothHaveWon = async (once: (index: number, headStartMs: number) => Promise<readonly string[]>) => {
  const outcomes = new Set<string>();
  const lacking = () => BOTH_HAVE_WON.filter((outcome) => !outcomes.has(outcome));
  let index = 0;
  for (let most = FIRST_HEAD_STARTS_MS; most < LONGEST_HEAD_START_MS && lacking().length > 0; most *= 2) {
    for (let begun = 0; begun < TIMES; begun += AT_ONCE) {
      const headStarts = Array.from({ length: AT_ONCE }, (_, at) => most * ((2 * (begun + at)) / (TIMES - 1) - 1));
      const ended = await Promise.all(headStarts.map((headStartMs) => once(index++, headStartMs)));
      for (const outcome of ended.flat()) outcomes.add(outcome);
    }
  }
  expect(lacking()).toEqual([]);
};

it('a destination is never left on an account that was disconnected while it was created', async () => {
  await untilBothHaveWon(async (index, headStartMs) => {
    const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account(`Raced ${index}`));
    const [created, disconnected] = await race(
      () =>
        api.post<DestinationView>('/v1/destinations', {
          accountId: account.id,
          name: `Raced ${index}`,
          target: { folder: 'incoming' },
        }),
      () => api.delete(`/v1/accounts/${account.id}`),
      headStartMs,
    );
    expect([created.status, disconnected.status]).not.toEqual([201, 204]);
    expect([201, 404, 409]).toContain(created.status);
    expect([204, 409]).toContain(disconnected.status);

    // What was answered is so: the next command sees it, whichever service it asks.
    const { status } = await api.get(`/v1/accounts/${account.id}`);
    expect(status).toBe(disconnected.status === 204 ? 404 : 200);
    if (created.status === 201) expect((await api.get(`/v1/destinations/${created.body.id}`)).status).toBe(200);
    return [outcomeOf(created), outcomeOf(disconnected)];
  });
}, 240_000);

it('a destination never states a marketing action that was removed while it was created', async () => {
  const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account('For actions'));
  await untilBothHaveWon(async (index, headStartMs) => {
    const name = `raced${index}`;
    await api.post('/v1/marketing-actions', { name });
    const [created, removed] = await race(
      () =>
        api.post('/v1/destinations', {
          accountId: account.id,
          name,
          marketingActions: [name],
          target: { folder: 'incoming' },
        }),
      () => api.delete(`/v1/marketing-actions/${name}`),
      headStartMs,
    );
    expect([created.status, removed.status]).not.toEqual([201, 204]);
    expect([201, 422]).toContain(created.status);
    expect([204, 409]).toContain(removed.status);
    return [outcomeOf(created), outcomeOf(removed)];
  });
}, 240_000);

it('of many changes at the same revision, one is made and the others are told', async () => {
  const { body } = await api.post<AccountView>('/v1/accounts', partner.account('Contended'));
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      api.patch(`/v1/accounts/${body.id}`, { name: `Name ${index}` }, { 'if-match': `"${body.revision}"` }),
    ),
  );
  const counts = answers.map(({ status }) => status);
  expect(counts.filter((status) => status === 200)).toHaveLength(1);
  expect(counts.filter((status) => status === 412)).toHaveLength(9);
});
