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
  const metadata = event.getCustomMetadata_asU8();
  if (type.startsWith('$') || facts.get('content-type') !== 'application/json' || metadata.length === 0)
    return undefined;
  const envelope = parse(metadata) as Partial<EventMetadata>;
  if (typeof envelope.tenant !== 'string' || typeof envelope.sandbox !== 'string') return undefined;
  return {
    id: event.getId()?.getString() ?? '',
    stream: streamOf(event),
    revision: revisionOf(event),
    position: positionOf(event),
    type,
    data: parse(event.getData_asU8()),
    metadata: envelope as EventMetadata,
    recordedAt: new Date(Number(BigInt(facts.get('created') ?? 0) / TICKS_PER_MS)).toISOString(),
  };
};

const parse = (bytes: Uint8Array): object => JSON.parse(Buffer.from(bytes).toString()) as object;
