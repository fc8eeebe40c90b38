import type { Database } from '@waybill/postgres';
import { jest } from '@jest/globals';
import { Shares } from './shares.js';

it('A process that never got a share leaves no timer behind when it stops', async () => {
  jest.useFakeTimers();
  try {
    const pool = { query: async () => ({ rows: [], rowCount: 0 }) };
    const shares = new Shares({ pool } as unknown as Database, 'somebody', async () => undefined);
    await shares.turn();
    expect(shares.tenure).toBeUndefined();
    await shares.stop();
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
