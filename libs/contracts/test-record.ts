import Type from 'typebox';
import type { Data } from './define.js';
import { Id, Time } from './shapes.js';

/**
 * The record that a destination's stream or hub is sent when somebody asks for a test. Who reads profile events finds the
 * members that they all have, with nobody in them, and tells it by `waybill.test`.
 */
export const TestRecordPayload = Type.Object(
  {
    segmentMembership: Type.Object({ ups: Type.Object({}, { maxProperties: 0 }) }),
    identityMap: Type.Object({}, { maxProperties: 0 }),
    waybill: Type.Object({
      version: Type.Literal(1),
      test: Type.Literal(true, {
        description: 'Of no profile: to be ignored. Profile events do not have this member.',
      }),
      eventId: Type.String({
        format: 'uuid',
        description: 'The id of the validation. The same when it had to be repeated.',
      }),
      tenant: Type.String(),
      sandbox: Type.String(),
      destinationId: Id,
      sentAt: Time,
    }),
  },
  { description: 'A test record: it shows that a stream or a hub can be written to, and tells of nobody.' },
);
export type TestRecordPayload = Data<typeof TestRecordPayload>;

export const testRecordOf = (facts: Omit<TestRecordPayload['waybill'], 'version' | 'test'>): TestRecordPayload => ({
  segmentMembership: { ups: {} },
  identityMap: {},
  waybill: { version: 1, test: true, ...facts },
});

/** JSON Schema 2020-12, as it is served (`GET /v1/schemas/test-record.json`). */
export const TEST_RECORD_SCHEMA: Readonly<Record<string, unknown>> = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Test record',
  ...(JSON.parse(JSON.stringify(TestRecordPayload)) as object),
  examples: [
    testRecordOf({
      eventId: '0197f0c4-7a10-4c3e-9b1e-000000000003',
      tenant: 'acme',
      sandbox: 'prod',
      destinationId: '0197f0c4-7a10-4c3e-9b1e-000000000002',
      sentAt: '2026-11-22T08:00:00.000Z',
    }),
  ],
};
