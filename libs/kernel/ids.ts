import { createHash, randomUUID } from 'node:crypto';

/** The namespace of every name-based id of Waybill (a UUID drawn once). */
const NAMESPACE = Buffer.from('b0a7d9c24f0e4e51a7f3a9e55c1d2c77', 'hex');

const SEPARATOR = '\u001f';

export const newId = (): string => randomUUID();

/** UUIDv5 (RFC 9562, 5.5) over the parts: the same parts give the same id, on every machine and every retry. */
export const idFrom = (...parts: readonly (string | number)[]): string => {
  const hash = createHash('sha1').update(NAMESPACE).update(parts.join(SEPARATOR)).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** `<category>-<uuid>`; a category holds no `-`, since readers cut at the first one. */
export const streamName = (category: string, id: string): string => `${category}-${id}`;

export const categoryOf = (stream: string): string => stream.slice(0, stream.indexOf('-'));

/** The id part of a stream name. */
export const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (value: string): boolean => UUID.test(value);
