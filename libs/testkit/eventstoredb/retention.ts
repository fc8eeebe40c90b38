import { randomUUID } from 'node:crypto';
import type { ProposedEvent, StoredStream } from './stored.js';

/** Of a softly deleted stream, everything lies before this. */
export const DELETED = Infinity;

export interface Retention {
  /** The first revision that is seen. */
  readonly truncateBefore: number;
  readonly maxCount?: number | undefined;
  readonly maxAgeSeconds?: number | undefined;
}

/** The stream that holds the metadata of a stream. */
export const metastreamOf = (stream: string): string => `$$${stream}`;

export const metadataEvent = (content: object | string): ProposedEvent => ({
  id: randomUUID(),
  type: '$metadata',
  contentType: 'application/json',
  data: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
  metadata: new Uint8Array(),
});

/** What its metastream says about how much of a stream is kept. */
export const retentionOf = (metastream: StoredStream | undefined): Retention => {
  const newest = metastream?.events.at(-1);
  const { $tb, $maxCount, $maxAge } = (newest ? JSON.parse(Buffer.from(newest.data).toString()) : {}) as Partial<
    Record<'$tb' | '$maxCount' | '$maxAge', number>
  >;
  const truncateBefore = $tb ?? 0;
  return {
    truncateBefore: truncateBefore > Number.MAX_SAFE_INTEGER ? DELETED : truncateBefore,
    maxCount: $maxCount,
    maxAgeSeconds: $maxAge,
  };
};
