import type { RecordedEvent } from '@waybill/kernel';
import { upcast, type Upcasters } from './stream-type.js';

const stored = (type: string, data: object): RecordedEvent => ({
  id: 'b1d1b0a0-0000-5000-8000-000000000000',
  stream: 'thing-1',
  revision: 3,
  position: '12',
  type,
  data,
  metadata: {
    tenant: 'acme',
    sandbox: 'prod',
    actor: 'ada',
    correlationId: 'c',
    causationId: 'd',
    occurredAt: '2026-01-02T03:04:05Z',
  },
  recordedAt: '2026-01-02T03:04:05.678Z',
});

const upcasters: Upcasters = {
  Named: (data) => ({ type: 'Named.v2', data: { ...data, language: 'en' } }),
  'Named.v2': (data, { actor }) => ({ type: 'Named.v3', data: { ...data, by: actor } }),
};

describe('upcasting', () => {
  it('brings an old event through every shape to the newest, and touches nothing else', () => {
    const old = stored('Named', { name: 'x' });
    const copy = structuredClone(old);
    expect(upcast(upcasters, old)).toEqual({
      ...old,
      type: 'Named.v3',
      data: { name: 'x', language: 'en', by: 'ada' },
    });
    expect(old).toEqual(copy);
  });

  it('starts at the shape that was stored', () => {
    expect(upcast(upcasters, stored('Named.v2', { name: 'x', language: 'fr' })).data).toEqual({
      name: 'x',
      language: 'fr',
      by: 'ada',
    });
  });

  it('leaves alone what is new, unknown, or without upcasters', () => {
    const event = stored('Named.v3', { name: 'x' });
    expect(upcast(upcasters, event)).toBe(event);
    expect(upcast(undefined, event)).toBe(event);
    const strange = stored('toString', {});
    expect(upcast(upcasters, strange)).toBe(strange);
  });

  it('says so when an upcaster leads to itself', () => {
    expect(() => upcast({ Named: (data) => ({ type: 'Named', data }) }, stored('Named', {}))).toThrow(/its own type/);
  });
});
