import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { EventMetadata, RecordedEvent } from '@waybill/kernel';
import type { Position } from '../port.js';

export type StoredEvent = ReadResp.ReadEvent.RecordedEvent;

export const positionOf = (event: StoredEvent): Position => event.getCommitPosition();

export const revisionOf = (event: StoredEvent): number => Number(event.getStreamRevision());

export const streamOf = (event: StoredEvent): string =>
  Buffer.from(event.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();

const TICKS_PER_MS = 10_000n;

/**
 * Undefined for what no writer of ours wrote: links and system events among our streams, and what others keep in the same
 * database. A reader passes over them.
 */
export const toRecorded = (event: StoredEvent): RecordedEvent | undefined => {
  const facts = event.getMetadataMap();
  const type = facts.get('type') ?? '';
  if (type.startsWith('$') || facts.get('content-type') !== 'application/json') return undefined;
  const metadata: Partial<EventMetadata> | undefined = parse(event.getCustomMetadata_asU8());
  if (typeof metadata?.tenant !== 'string' || typeof metadata.sandbox !== 'string') return undefined;
  const data = parse(event.getData_asU8());
  if (!data) return undefined;
  return {
    id: event.getId()?.getString() ?? '',
    stream: streamOf(event),
    revision: revisionOf(event),
    position: positionOf(event),
    type,
    data,
    metadata: metadata as EventMetadata,
    recordedAt: new Date(Number(BigInt(facts.get('created') ?? 0) / TICKS_PER_MS)).toISOString(),
  };
};

/** Undefined where it is no object: others may write what they like, and say that it is JSON. */
const parse = (bytes: Uint8Array): object | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};
