import { Matches } from 'class-validator';

const VISIBLE = /^(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,256}$/u;

/** A name for people: 1 to 256 characters, no control characters, not only spaces. */
export const IsDisplayName = (): PropertyDecorator =>
  Matches(VISIBLE, { message: 'must be 1 to 256 characters, without control characters and not only spaces' });

/** An id that a client brings (segments, profiles): the same rule, its own string otherwise. */
export const IsClientId = IsDisplayName;

export const isClientId = (value: string): boolean => VISIBLE.test(value);
