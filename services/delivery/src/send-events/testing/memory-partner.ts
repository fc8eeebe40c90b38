import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBatch, EventOutcome, EventRecord, EventSink } from '@waybill/connectors';

/** A record as it landed at the partner. */
export interface Landed {
  readonly key: string;
  readonly eventId: string;
  readonly data: Uint8Array;
}

/** What becomes of one request: an outcome for each record, or an error that concerns the whole destination. */
export type Fault = (
  records: readonly EventRecord[],
) => { readonly outcomes: readonly EventOutcome[] } | { readonly landed: number; readonly error: Error } | undefined;

export interface MemoryPartner {
  readonly landed: readonly Landed[];
  readonly requests: readonly (readonly Landed[])[];
  /** Most requests that were under way at once. */
  readonly mostAtOnce: number;
  open(): EventSink;
}

const SENT: EventOutcome = { sent: true };

/** A stream (partial failures) or a hub (atomic batches in buckets) in memory, which fails as it is told to. */
export const memoryPartner = ({
  atomic = false,
  fault = () => undefined,
  latencyMs = () => 0,
  mostRecords = 10,
  mostRecordBytes = 1_000,
}: {
  readonly atomic?: boolean;
  readonly fault?: Fault;
  readonly latencyMs?: () => number;
  readonly mostRecords?: number;
  readonly mostRecordBytes?: number;
} = {}): MemoryPartner => {
  const landed: Landed[] = [];
  const requests: Landed[][] = [];
  let atOnce = 0;
  const partner = { landed, requests, mostAtOnce: 0, open };

  const deliver = async (records: readonly EventRecord[], signal: AbortSignal): Promise<readonly EventOutcome[]> => {
    atOnce += 1;
    partner.mostAtOnce = Math.max(partner.mostAtOnce, atOnce);
    try {
      await sleep(latencyMs(), undefined, { signal });
      requests.push(records.map(asLanded));
      const injected = fault(records);
      if (injected && 'error' in injected) {
        landed.push(...records.slice(0, injected.landed).map(asLanded));
        throw injected.error;
      }
      const outcomes = injected?.outcomes ?? records.map(() => SENT);
      landed.push(...records.filter((_, position) => outcomes[position]?.sent).map(asLanded));
      return outcomes;
    } finally {
      atOnce -= 1;
    }
  };

  function open(): EventSink {
    return {
      bucketOf: (key) => (atomic ? `bucket-${key.charCodeAt(key.length - 1) % 3}` : ''),
      atomicBatches: atomic,
      mostRecordBytes,
      openBatch: async () => batch(),
      close: async () => undefined,
    };
  }

  const batch = (): EventBatch => {
    const records: EventRecord[] = [];
    return {
      add(record) {
        if (record.data.byteLength > mostRecordBytes) return 'too-large';
        if (records.length === mostRecords) return 'full';
        records.push(record);
        return 'added';
      },
      get records() {
        return records.length;
      },
      get bytes() {
        return records.reduce((sum, { data }) => sum + data.byteLength, 0);
      },
      send: (signal) => deliver(records, signal),
    };
  };

  return partner;
};

const asLanded = ({ key, data, properties }: EventRecord): Landed => ({
  key,
  data,
  eventId: properties?.['eventId'] ?? '',
});
