import { inspect } from 'node:util';
import type { SealedSecret } from './port.js';

const SHOWN = '[sealed secret]';

/** Private state, no own properties: nothing to print, serialise, clone, spread or enumerate. */
class Sealed implements SealedSecret {
  readonly #values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = Object.freeze({ ...values });
    Object.freeze(this);
  }

  reveal(): Readonly<Record<string, string>> {
    return this.#values;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

export const sealSecret = (values: Readonly<Record<string, string>>): SealedSecret => new Sealed(values);
