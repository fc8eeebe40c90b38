import type { Message } from '../port.js';
import { deadLetterHeaders, messageOfRecord, recordOf } from './cloud-events.js';

const message: Message = {
  ...{ id: 'm1', type: 'waybill.test.ThingHappened.v1', source: '/waybill/test', subject: 'thing-1' },
  ...{ key: 'acme/prod/thing-1', time: '2026-11-22T10:00:00Z', data: { ä: [1, null] } },
  ...{ tenant: 'acme', sandbox: 'prod', actor: 'tester', correlationId: 'c1', replyTo: 'waybill.test.replies' },
};
const reason = {
  ...{ reason: 'cannot be', slug: 'cannot-be', attempts: 5, topic: 'things', partition: 3, offset: '42', group: 'g' },
};

/** As Kafka hands it over: everything is bytes. */
const incoming = ({ key, value, headers }: { key: string; value: string; headers?: Record<string, string> }) => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
  headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, Buffer.from(text)])),
  timestamp: '1767225600000',
  offset: '7',
});
const place = { topic: 'things', partition: 2 };

describe('A message on Kafka', () => {
  it('is a CloudEvent in binary mode, with JSON as its value', () => {
    expect(recordOf(message)).toEqual({
      key: 'acme/prod/thing-1',
      value: '{"ä":[1,null]}',
      headers: {
        'content-type': 'application/json',
        ...{ ce_specversion: '1.0', ce_id: 'm1', ce_type: 'waybill.test.ThingHappened.v1', ce_source: '/waybill/test' },
        ...{ ce_subject: 'thing-1', ce_time: '2026-11-22T10:00:00Z', ce_tenant: 'acme', ce_sandbox: 'prod' },
        ...{ ce_actor: 'tester', ce_correlationid: 'c1', ce_replyto: 'waybill.test.replies' },
      },
    });
  });

  it('comes back as it was, and so does a dead letter', () => {
    const came = { ...place, offset: '7', attempt: 1 };
    expect(messageOfRecord(place, incoming(recordOf(message)))).toEqual({ ...message, ...came });
    const letter = { ...message, deadLetter: reason };
    expect(messageOfRecord(place, incoming(recordOf(letter)))).toEqual({ ...letter, ...came });
  });

  it('of a foreign producer keeps its id and its type among the dead letters', () => {
    const plain = { key: 'acme/prod/p1', value: '{}' };
    const types = { things: 'waybill.test.ThingReported.v1' };
    const first = messageOfRecord({ topic: 'things', partition: 3 }, { ...incoming(plain), offset: '42' }, types);
    const dead = { ...plain, headers: deadLetterHeaders(reason) };
    const { id, type, source } = messageOfRecord({ topic: 'things.g.dlq', partition: 0 }, incoming(dead), types);
    expect({ id, type, source }).toEqual({ id: first.id, type: first.type, source: first.source });
  });

  it.each([
    ['no type', { key: 'acme/prod/p1', value: '{}' }, /no ce_type header/],
    ['no scope', { key: 'p1', value: '{}', headers: { ce_type: 't' } }, /no ce_tenant header/],
    ['an empty scope', { key: '//p1', value: '{}', headers: { ce_type: 't' } }, /no ce_tenant header/],
    [
      'a tenant that nobody can be',
      { key: 'no tenant/prod/p1', value: '{}', headers: { ce_type: 't' } },
      /its tenant must/,
    ],
    [
      'a sandbox that nobody can name',
      { key: 'acme/prod/p1', value: '{}', headers: { ce_type: 't', ce_sandbox: 'a/b' } },
      /its sandbox must/,
    ],
    ['a string', { key: 'acme/prod/p1', value: '"x"', headers: { ce_type: 't' } }, /no JSON object/],
    ['half an object', { key: 'acme/prod/p1', value: '{', headers: { ce_type: 't' } }, /is no JSON/],
    ['another CloudEvents', { key: 'acme/prod/p1', value: '{}', headers: { ce_specversion: '2.0' } }, /not 1\.0/],
  ])('cannot be made of %s', (_, record, why) => {
    expect(() => messageOfRecord(place, incoming(record))).toThrow(why);
  });
});
