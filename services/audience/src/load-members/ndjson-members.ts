import { isUtf8 } from 'node:buffer';
import { faultOfClientId } from '../members/client-id.js';
import { holdsNumberOutOfRange, mayLoseDigits, parseExactly } from './exact-json.js';
import {
  MAX_MEMBER_BYTES,
  type Member,
  NOT_UTF8,
  type Rejection,
  TOO_LONG,
  type UploadReader,
} from './upload-reader.js';

const LF = 10;
const KNOWN = ['id', 'identities', 'attributes', 'status'];
const STATUSES = { realized: 'realized', existing: 'realized', exited: 'exited' } as const;
const MAX_DEPTH = 32;

/**
 * Members from JSON, one object a line: `{ id, identities?: { <namespace>: id | [id] }, attributes?, status? }`. Attributes
 * are any JSON; numbers keep every digit. A line that is broken is rejected; empty lines are passed over.
 */
export const ndjsonMembers = (): UploadReader => {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  /** Inside a line that was rejected for its length. */
  let dropping = false;

  function* lines(bytes: Buffer, last: boolean): Generator<Member | Rejection> {
    let at = 0;
    for (;;) {
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd === -1 && !last) break;
      const end = lineEnd === -1 ? bytes.length : lineEnd;
      if (!dropping) yield* memberOn(line, bytes.subarray(at, end));
      dropping = false;
      if (lineEnd === -1) return;
      line++;
      at = lineEnd + 1;
    }
    rest = bytes.subarray(at);
    if (rest.length > MAX_MEMBER_BYTES || dropping) {
      if (!dropping) yield { line, reason: TOO_LONG };
      dropping = true;
      rest = rest.subarray(rest.length);
    }
  }
  return {
    read: (chunk) => lines(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false),
    end: () => lines(rest, true),
  };
};

function* memberOn(line: number, bytes: Buffer): Generator<Member | Rejection> {
  if (bytes.length > MAX_MEMBER_BYTES) yield { line, reason: TOO_LONG };
  else if (!isUtf8(bytes)) yield { line, reason: NOT_UTF8 };
  else {
    const text = bytes.toString().replace(/^\ufeff/, '');
    if (text.trim() !== '') yield { line, ...parse(text) };
  }
}

const parse = (text: string): Omit<Member, 'line'> | Omit<Rejection, 'line'> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // V8 would quote the line; where it broke is enough, and says nothing about a person.
    const place = /position (\d+)/.exec(String(error))?.[1];
    return { reason: `is not valid JSON${place === undefined ? '' : ` (at character ${Number(place) + 1})`}` };
  }
  if (!isObject(value)) return { reason: 'is not a JSON object' };
  const unknown = Object.keys(value).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) return { reason: `has the unknown field "${unknown}"; known are ${KNOWN.join(', ')}` };

  const { id, identities = {}, attributes = {}, status = 'realized' } = value;
  if (id === undefined) return { reason: 'has no "id"' };
  if (typeof id !== 'string') return { reason: 'its "id" is not a string' };
  const fault = faultOfClientId(id);
  if (fault) return { reason: `its "id" ${fault}` };
  if (typeof status !== 'string' || !Object.hasOwn(STATUSES, status)) {
    return { reason: `its "status" is none of ${Object.keys(STATUSES).join(', ')}` };
  }
  if (!isObject(attributes)) return { reason: 'its "attributes" are not an object' };
  const attributeFault = faultOfValue(attributes, 0);
  if (attributeFault) return { reason: `its "attributes" ${attributeFault}` };
  const lists = identityLists(identities);
  if ('reason' in lists) return lists;
  const exact = mayLoseDigits(text);
  if (exact && holdsNumberOutOfRange(text)) return { reason: 'holds a number that is out of the range of a double' };

  return {
    id,
    status: STATUSES[status as keyof typeof STATUSES],
    identities: JSON.stringify(lists.lists),
    attributes: JSON.stringify(exact ? ((parseExactly(text) as typeof value).attributes ?? {}) : attributes),
  };
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const identityLists = (identities: unknown): { lists: Record<string, readonly string[]> } | { reason: string } => {
  if (!isObject(identities)) return { reason: 'its "identities" are not an object' };
  const lists = Object.entries(identities).map(
    ([namespace, ids]) => [namespace, Array.isArray(ids) ? ids : [ids]] as const,
  );
  for (const [namespace, ids] of lists) {
    const fault = faultOfClientId(namespace);
    if (fault) return { reason: `a namespace of its "identities" ${fault}` };
    for (const id of ids as readonly unknown[]) {
      const idFault = typeof id === 'string' ? faultOfClientId(id) : 'is not a string';
      if (idFault) return { reason: `an id in "identities.${namespace}" ${idFault}` };
    }
  }
  return { lists: Object.fromEntries(lists.map(([namespace, ids]) => [namespace, [...new Set(ids as string[])]])) };
};

/** What PostgreSQL's jsonb would refuse, and with it every line of the upload. */
const faultOfValue = (value: unknown, depth: number): string | undefined => {
  if (typeof value === 'string') return faultOfText(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === MAX_DEPTH) return `are nested more than ${MAX_DEPTH} levels deep`;
  for (const [name, member] of Object.entries(value)) {
    const fault = faultOfText(name) ?? faultOfValue(member, depth + 1);
    if (fault) return fault;
  }
  return undefined;
};

const faultOfText = (text: string): string | undefined => {
  if (text.includes('\0')) return 'hold a NUL character, which no text may';
  return text.isWellFormed() ? undefined : 'hold half of a surrogate pair, which is no character';
};
