import { jsonSchemaOf, parseForm } from '@waybill/forms';
import { specs } from './registry.js';

const NAMES: Readonly<Record<string, object>> = {
  'amazon-kinesis': { stream: 'events' },
  'azure-event-hubs': { eventHub: 'events' },
};

const streams = specs.filter(({ delivers }) => delivers === 'events');

describe.each(streams.map(({ type, target }) => [type, target.form] as const))(
  'the target form of %s',
  (type, form) => {
    const fields = { includeSegmentNames: true, includeSegmentTimestamps: false, onlyChanges: true };

    it('takes what events hold and when there are any', () => {
      for (const partitionKey of ['profile.id', 'identities.email', 'identities.crm id']) {
        const input = { ...NAMES[type], ...fields, partitionKey };
        expect(parseForm(form, input)).toMatchObject(input);
      }
    });

    it.each(['email', 'identities.', 'profile', 'attributes.x', 'identities.a\n', ''])(
      'refuses %j as the partition key',
      (partitionKey) => {
        const parse = () => parseForm(form, { ...NAMES[type], partitionKey });
        expect(parse).toThrow(/^partitionKey: partitionKey must be profile\.id or identities\.<namespace>/);
      },
    );

    it('says the defaults in its schema', () => {
      expect(jsonSchemaOf(form)).toMatchObject({
        properties: { onlyChanges: { default: false }, partitionKey: { default: 'profile.id' } },
      });
    });
  },
);
