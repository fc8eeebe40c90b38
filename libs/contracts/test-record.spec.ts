import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { PROFILE_EVENT_SCHEMA } from './profile-event.js';
import { TEST_RECORD_SCHEMA } from './test-record.js';

const ajv = new Ajv2020();
addFormats.default(ajv);
const [record] = TEST_RECORD_SCHEMA['examples'] as readonly object[];
const [event] = PROFILE_EVENT_SCHEMA['examples'] as readonly object[];

it('The schema of test records describes its example, and no profile event', () => {
  const validate = ajv.compile(TEST_RECORD_SCHEMA);
  expect(validate(record)).toBe(true);
  expect(validate(event)).toBe(false);
});

it('The schema of profile events takes no test record for one', () => {
  expect(ajv.compile(PROFILE_EVENT_SCHEMA)(record)).toBe(false);
});
