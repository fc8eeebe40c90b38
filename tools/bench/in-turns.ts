import type { NewEvent } from '@waybill/event-store';
import { newId } from '@waybill/kernel';
import { median } from './result.js';

/** A flush takes as long as the disk has other things to do: sides that change places often meet the same disk. */
const SLICES = 12;
const SLICE_MS = 200;

type Call = () => Promise<void>;

/** Calls per second of both sides, by so many writers each; the median of the rounds. */
export const inTurns = async (
  rounds: number,
  writers: number,
  ours: Call,
  baseline: Call,
  progress: (line: string) => void,
) => {
  const taken: { ours: number; baseline: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const slices: { ours: number; baseline: number }[] = [];
    for (let slice = 0; slice < SLICES; slice += 1) {
      slices.push({ baseline: await rateOf(writers, baseline), ours: await rateOf(writers, ours) });
    }
    const mean = (side: 'ours' | 'baseline') => slices.reduce((sum, slice) => sum + slice[side], 0) / SLICES;
    taken.push({ ours: mean('ours'), baseline: mean('baseline') });
    progress(`ours ${mean('ours').toFixed(0)}/s, baseline ${mean('baseline').toFixed(0)}/s`);
  }
  return { ours: median(taken.map((round) => round.ours)), baseline: median(taken.map((round) => round.baseline)) };
};

/** Calls per second of so many loops at once. */
const rateOf = async (writers: number, call: Call): Promise<number> => {
  const started = performance.now();
  const until = started + SLICE_MS;
  let calls = 0;
  const loop = async (): Promise<void> => {
    for (; performance.now() < until; calls += 1) await call();
  };
  await Promise.all(Array.from({ length: writers }, loop));
  return (calls * 1000) / (performance.now() - started);
};

/** About 200 bytes of data. */
export const newEvent = (): NewEvent => ({
  id: newId(),
  type: 'PartPublished',
  data: { run: newId(), part: 17, rows: 250_000, bytes: 48_211_904, sha256: newId().replaceAll('-', '').repeat(2) },
  metadata: {
    tenant: 'acme',
    sandbox: 'prod',
    actor: 'bench',
    correlationId: newId(),
    causationId: newId(),
    occurredAt: '2026-01-02T03:04:05.678Z',
  },
});
