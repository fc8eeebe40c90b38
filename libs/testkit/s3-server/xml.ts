const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);

/** One element. A list holds elements already written. */
export const element = (name: string, content: string | number | boolean | readonly string[]): string =>
  `<${name}>${typeof content === 'object' ? content.join('') : escape(String(content))}</${name}>`;

export const document = (root: string): string => `<?xml version="1.0" encoding="UTF-8"?>${root}`;

const unescape = (text: string): string =>
  text
    .replace(/&(?:quot|#34);/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&');

/** The texts of every element of this name, as sent by an S3 client: no attributes, no CDATA. */
export const textsOf = (xml: string, name: string): readonly string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^]*?)</${name}>`, 'g'))].map(([, text]) => unescape(text ?? ''));
