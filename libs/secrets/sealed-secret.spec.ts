import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import { sealSecret } from './sealed-secret.js';

const sealed = sealSecret({ password: 'canary-4711' });

describe('a sealed secret', () => {
  it('reveals its values when asked', () => {
    expect(sealed.reveal()).toEqual({ password: 'canary-4711' });
  });

  it.each<[string, () => string]>([
    ['as a string', () => format('%s', sealed)],
    ['in a template', () => `${sealed as unknown as string}`],
    ['as JSON', () => JSON.stringify({ sealed })],
    ['inspected', () => inspect(sealed)],
    ['inspected with hidden members', () => inspect({ sealed }, { showHidden: true, depth: 9 })],
    ['formatted', () => format('%s %o %O %j', sealed, sealed, sealed, sealed)],
    ['enumerated', () => JSON.stringify([Object.entries(sealed), Object.getOwnPropertyNames(sealed), { ...sealed }])],
    ['cloned', () => JSON.stringify(structuredClone(sealed))],
    ['serialised', () => serialize(sealed).toString('latin1')],
    ['thrown', () => inspect(new Error('failed', { cause: sealed }))],
  ])('shows nothing %s', (_, show) => {
    expect(show()).not.toContain('canary');
  });

  it('cannot be changed', () => {
    expect(() => Object.assign(sealed, { password: 'x' })).toThrow(TypeError);
    expect(() => Object.assign(sealed.reveal(), { password: 'x' })).toThrow(TypeError);
  });
});
