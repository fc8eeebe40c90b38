import { IsTime } from './index.js';
import { jsonSchemaOf } from './json-schema.js';
import { parseForm } from './parse-form.js';

class Form {
  @IsTime() at!: string;
}

describe('a time', () => {
  it.each([
    '2026-11-22T10:00:00Z',
    '2026-11-22T10:00:00.123456Z',
    '2024-02-29T23:59:59+14:00',
    '0001-01-01T00:00:00-03:30',
    '9999-12-31T23:59:59.999999999Z',
  ])('may be %s', (at) => {
    expect(parseForm(Form, { at })).toEqual({ at });
    expect(Date.parse(at)).not.toBeNaN();
  });

  it.each(
    [
      ['2026', '2026-11', '2026-W12', '2026-326', '2026-11-22', '20261122T100000Z'],
      ['2026-11-22T10:00:00', '2026-11-22T10Z', '2026-11-22T10:00Z', '2026-11-22 10:00:00Z', '2026-11-22t10:00:00z'],
      ['2026-02-29T10:00:00Z', '2026-11-31T10:00:00Z', '2026-13-01T10:00:00Z', '0000-01-01T10:00:00Z'],
      ['2026-11-22T24:00:00Z', '2026-11-22T23:59:60Z', '2026-11-22T10:60:00Z', '2026-11-22T10:00:00+15:00'],
      ['2026-11-22T10:00:00.Z', '2026-11-22T10:00:00.1234567890Z', '2026-11-22T10:00:00Z\n', '', 0, null, new Date()],
    ].flat(),
  )('is not %j', (at) => {
    expect(() => parseForm(Form, { at })).toThrow('at: must be a time with its zone, such as 2026-11-22T10:00:00Z');
  });

  it('is described as one', () => {
    expect(jsonSchemaOf(Form)['properties']).toEqual({ at: { type: 'string', format: 'date-time', 'x-order': 1 } });
  });
});
