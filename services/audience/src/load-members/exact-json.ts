/** Of one number. */
const MAX_DIGITS = 1000;
const MAY_LOSE_DIGITS = /\d{16}|\d[eE]/;

/** JSON.parse source text access (ES2026): in V8, not yet in TypeScript's library. */
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/** Whether a number in this JSON could come out different when it is parsed and written again. */
export const mayLoseDigits = (text: string): boolean => MAY_LOSE_DIGITS.test(text);

/** The parsed value with each number as it was written, digit by digit, for JSON.stringify. */
export const parseExactly = (text: string): unknown =>
  json.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined ? json.rawJSON(source) : value,
  );

/** The range is that of a double: PostgreSQL's numeric has a wider one, with an end as well. */
export const holdsNumberOutOfRange = (text: string): boolean => {
  let found = false;
  json.parse(text, (_, value, { source = '' }) => {
    if (typeof value !== 'number') return value;
    const vanished = value === 0 && /[1-9]/.test(source.replace(/[eE].*/, ''));
    found ||= !Number.isFinite(value) || vanished || source.length > MAX_DIGITS;
    return value;
  });
  return found;
};
