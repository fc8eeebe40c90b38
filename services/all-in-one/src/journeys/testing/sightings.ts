import { createHash } from 'node:crypto';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * What a partner who looks all the time sees under final names: whoever fetches a file as soon as it is there gets what
 * was first seen, so it must be what stays.
 */
export class Sightings {
  readonly #first = new Map<string, string>();
  readonly #wrong: string[] = [];

  look(files: ReadonlyMap<string, Uint8Array>): void {
    for (const [path, content] of files) {
      const hash = sha256(content);
      const before = this.#first.get(path) ?? hash;
      this.#first.set(path, before);
      if (before !== hash) this.#wrong.push(`${path} was changed after it had its final name`);
    }
    for (const path of this.#first.keys()) {
      if (!files.has(path)) this.#wrong.push(`${path} went away after it had its final name`);
    }
  }

  /** Final paths and the SHA-256 they were first seen with, in the order in which they came. */
  get seen(): readonly (readonly [string, string])[] {
    return [...this.#first];
  }

  get wrong(): readonly string[] {
    return this.#wrong;
  }

  forget(): void {
    this.#first.clear();
    this.#wrong.length = 0;
  }
}
