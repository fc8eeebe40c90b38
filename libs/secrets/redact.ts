export interface Redactor {
  /** Values that must not be shown from now on, wherever they stand. Short ones are ignored: they would blacken everything. */
  remember(values: readonly string[]): void;
  /** A copy without secrets: members with telling names are masked, and remembered values wherever they stand in a text. */
  redact(value: unknown): unknown;
  /** For text that is written as it is, such as a finished line of log. */
  redactText(text: string): string;
}

export const REDACTED = '[redacted]';

const TELLING =
  /^(authorization|proxy-authorization|cookie|set-cookie)$|pass(word|wd|phrase)|pwd|secret(?!-?ref)|token|(private|api|sas|shared-?access|master|data|wrapped)[-_]?key|connection[-_]?string/i;

const SHORTEST = 6;
const MOST_VALUES = 500;
const DEEPEST = 10;

export const createRedactor = (): Redactor => {
  const remembered = new Set<string>();
  let pattern: RegExp | undefined;

  const remember = (values: readonly string[]): void => {
    for (const value of values) {
      if (value.length < SHORTEST) continue;
      for (const form of formsOf(value)) {
        remembered.delete(form);
        remembered.add(form); // the newest last
      }
    }
    for (const oldest of remembered) {
      if (remembered.size <= MOST_VALUES) break;
      remembered.delete(oldest);
    }
    const longestFirst = [...remembered].sort((a, b) => b.length - a.length);
    pattern = longestFirst.length > 0 ? new RegExp(longestFirst.map(literally).join('|'), 'g') : undefined;
  };

  const redactText = (text: string): string => (pattern === undefined ? text : text.replace(pattern, REDACTED));

  const walk = (value: unknown, depth: number, above: readonly object[]): unknown => {
    if (typeof value === 'string') return redactText(value);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    if (above.includes(value)) return '[circular]';
    if (depth >= DEEPEST) return '[deeper]';
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    const inside = (member: unknown) => walk(member, depth + 1, [...above, value]);
    if (hasToJson(value)) return inside(value.toJSON());
    if (Array.isArray(value)) return value.map(inside);
    if (value instanceof Map || value instanceof Set) return [...(value as Iterable<unknown>)].map(inside);
    const members = value instanceof Error ? { type: value.name, ...errorMembers(value), ...value } : value;
    return Object.fromEntries(
      Object.entries(members).map(([name, member]) => [
        name,
        TELLING.test(name) && member != null ? REDACTED : inside(member),
      ]),
    );
  };

  return { remember, redactText, redact: (value) => walk(value, 0, []) };
};

/** As it is, and as it stands inside a JSON text. */
const formsOf = (value: string): readonly string[] => [...new Set([value, JSON.stringify(value).slice(1, -1)])];

/** A pattern of exactly this text. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

const hasToJson = (value: object): value is { toJSON(): unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function';

/** An error's own members are not enumerable. */
const errorMembers = ({ message, stack, cause }: Error) => ({
  message,
  stack,
  ...(cause === undefined ? {} : { cause }),
});
