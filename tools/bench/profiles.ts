import { createHash } from 'node:crypto';

const FIRST = ['Anna', 'Bernd', 'Chloé', 'David', 'Elif', 'Farid', 'Greta', 'Hugo'];
const LAST = ['Müller', 'Smith', "O'Connor", 'Nguyễn', 'García', 'Kowalski', 'Sørensen'];
const CITIES = ['Berlin', 'Paris', 'São Paulo', 'New York', 'Tokyo'];
const pick = (list: readonly string[], n: number): string => list[n % list.length] ?? '';

export interface BenchProfile {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Profile n of a made-up audience, the same on every run: about 200 bytes, every tenth with commas and quotes in it. */
export const profile = (n: number): BenchProfile => ({
  // Hashed, so that profiles do not come in the order in which they are kept.
  id: `${createHash('sha1').update(String(n)).digest('hex').slice(0, 24)}-${n}`,
  attributes: {
    email: `person.${n}@mail-${n % 97}.example.com`,
    firstName: pick(FIRST, n),
    lastName: pick(LAST, n),
    street: n % 10 === 0 ? `${n % 200} "Rose" Lane, Flat ${n % 9}` : `${n % 200} Rose Lane`,
    city: pick(CITIES, n),
    phone: `+49 30 ${1_000_000 + (n % 8_999_999)}`,
    birthday: new Date(Date.UTC(1940 + (n % 70), n % 12, 1 + (n % 28))).toISOString().slice(0, 10),
    lastSeen: new Date(Date.UTC(2026, 0, 1) + (n % 25_000_000) * 1000).toISOString(),
    score: ((n % 10_000) / 7).toFixed(2),
    tier: pick(['gold', 'silver', 'bronze'], n),
  },
});

export const COLUMNS = ['customerId', ...Object.keys(profile(0).attributes)];

const cell = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** CSV with a header, LF, in pieces of many rows. */
export function* csvOf(rows: number): Generator<Buffer> {
  let text = `${COLUMNS.join(',')}\n`;
  for (let n = 0; n < rows; n++) {
    const { id, attributes } = profile(n);
    text += `${[id, ...Object.values(attributes)].map(cell).join(',')}\n`;
    if (text.length > 64 * 1024) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(text);
}

/** The same profiles as rows of COPY's text format: id, identities, attributes, for a bare COPY into the table of profiles. */
export function* copyRowsOf(rows: number, before: string, after: string): Generator<Buffer> {
  let text = '';
  for (let n = 0; n < rows; n++) {
    const { id, attributes } = profile(n);
    const json = JSON.stringify(attributes).replaceAll('\\', '\\\\');
    text += `${before}\t${id}\t{"customerId":["${id}"]}\t${json}\t${after}\n`;
    if (text.length > 64 * 1024) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(text);
}
