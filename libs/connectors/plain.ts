/** A partner's own words for a person and for a table: one line, without control characters, of bounded length. */
export const plain = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, 200);
