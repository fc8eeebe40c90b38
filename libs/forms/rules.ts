import { Matches, ValidateBy, type ValidationOptions } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';

const VISIBLE = /^(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,256}$/u;

/** A name for people: 1 to 256 characters, no control characters, not only spaces. */
export const IsDisplayName = (options: Pick<ValidationOptions, 'each'> = {}): PropertyDecorator =>
  Matches(VISIBLE, {
    ...options,
    message: 'must be 1 to 256 characters, without control characters and not only spaces',
  });

/** An id that a client brings (segments, profiles): the same rule, its own string otherwise. */
export const IsClientId = IsDisplayName;

export const isClientId = (value: string): boolean => VISIBLE.test(value);

/** Zones reach from -12:00 to +14:00. */
const TIME = /^((?!0000)\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/;

const isTime = (value: unknown): boolean => {
  const [, day] = (typeof value === 'string' && TIME.exec(value)) || [];
  if (day === undefined) return false;
  const noon = new Date(`${day}T12:00:00Z`); // of the day after, where the month does not have that day
  return !Number.isNaN(noon.getTime()) && noon.toISOString().startsWith(day);
};

/** A moment: RFC 3339 to the second or finer, with its zone, since without one it would be read in that of the server. */
export const IsTime = (): PropertyDecorator => (target, property) => {
  JSONSchema({ type: 'string', format: 'date-time' })(target, String(property));
  const message = 'must be a time with its zone, such as 2026-11-22T10:00:00Z';
  ValidateBy({ name: 'isTime', validator: { validate: isTime } }, { message })(target, property);
};
