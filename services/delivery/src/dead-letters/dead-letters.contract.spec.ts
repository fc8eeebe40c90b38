import { profileKey } from '@waybill/contracts';
import { idFrom, newId } from '@waybill/kernel';
import { memorySource } from '../send-events/testing/memory-source.js';
import { openWorkbench, type Workbench } from '../send-events/testing/workbench.js';
import { DeadLetters } from './dead-letters.js';

const scope = { tenant: 'acme', sandbox: 'prod' };

let bench: Workbench;
let letters: DeadLetters;
let destinationId: string;

beforeAll(async () => {
  bench = await openWorkbench(memorySource(), () => {
    throw new Error('nothing is sent');
  });
  letters = new DeadLetters(bench.database);
});
afterAll(() => bench.close());
beforeEach(() => {
  destinationId = newId();
});

/** Given up so many days ago. */
const givenUp = async (profileId: string, days: number, code = 'Invalid', redeliveryId: string | null = null) => {
  await bench.database.pool.query(
    `insert into dead_letters (destination_id, event_id, tenant, sandbox, profile_id, profile_key, share, code, message,
       attempts, run_id, at, redelivery_id)
     values ($1, $2, $3, $4, $5, $6, 0, $7, 'no', 1, $8, now() - make_interval(days => $9), $10)`,
    [
      ...[destinationId, newId(), scope.tenant, scope.sandbox, profileId, profileKey(scope, profileId), code],
      ...[idFrom('run', days), days, redeliveryId],
    ],
  );
};

const left = async (): Promise<readonly string[]> => {
  const { items } = await letters.list(scope, destinationId, {}, { limit: 50 });
  return items.map(({ profileId }) => profileId).toSorted();
};

describe('Dead letters', () => {
  it('are kept for the days that are set, and for a redelivery that they wait for', async () => {
    await givenUp('new', 0);
    await givenUp('young', 29);
    await givenUp('old', 31);
    await givenUp('awaited', 31, 'Invalid', newId());
    expect(await letters.forgetOld(30, new AbortController().signal)).toBe(1);
    expect(await left()).toEqual(['awaited', 'new', 'young']);
  });

  it('are discarded by what names them, unless a redelivery waits for them', async () => {
    await givenUp('refused', 0);
    await givenUp('refused early', 2);
    await givenUp('awaited', 2, 'Invalid', newId());
    await givenUp('keyless', 2, 'partition-key-missing');
    const yesterday = new Date(Date.now() - 86_400_000).toISOString();
    await letters.discard({ ...scope, tenant: 'other' }, destinationId, {});
    await letters.discard(scope, newId(), {});
    await letters.discard(scope, destinationId, { code: 'Invalid', to: yesterday });
    expect(await left()).toEqual(['awaited', 'keyless', 'refused']);
    await letters.discard(scope, destinationId, {});
    expect(await left()).toEqual(['awaited']);
  });
});
