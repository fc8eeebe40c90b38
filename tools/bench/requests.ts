import { SENDER_LIMITS } from '@waybill/delivery';
import { bareLoop, type BenchRequest } from './bare-loops.js';
import type { PartnerAddress } from './stream-partner.js';

/** Sends requests one after another, as many at once as a lane does; answers how many seconds it took. */
export const inParallel = async (
  requests: readonly BenchRequest[],
  send: (request: BenchRequest) => Promise<void>,
): Promise<number> => {
  const left = requests.values();
  const worker = async () => {
    for (const request of left) await send(request);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: SENDER_LIMITS.requests }, worker));
  return (performance.now() - started) / 1_000;
};

/** Records a second of a bare loop over the SDK, from a connection that stands: ours has one, too. */
export const sendBare = async (
  partner: PartnerAddress & { received(): Promise<unknown> },
  requests: readonly BenchRequest[],
): Promise<number> => {
  const loop = bareLoop(partner);
  try {
    const [{ bucket, records } = { bucket: '', records: [] }] = requests;
    await loop.send({ bucket, records: records.slice(0, 1) });
    await partner.received();
    const seconds = await inParallel(requests, loop.send);
    return requests.reduce((sum, request) => sum + request.records.length, 0) / seconds;
  } finally {
    await loop.close();
  }
};
