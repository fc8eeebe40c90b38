import { ValidateBy, type ValidationArguments } from 'class-validator';

/** A rule on a string, told by what is wrong with it; what is no string is left to IsString. */
export const TextRule = (
  name: string,
  problemOf: (text: string, form: object) => string | undefined,
): PropertyDecorator => {
  const problem = (value: unknown, about?: ValidationArguments) =>
    typeof value === 'string' ? problemOf(value, about?.object ?? {}) : undefined;
  return ValidateBy({
    name,
    validator: {
      validate: (value, about) => problem(value, about) === undefined,
      defaultMessage: (about) => `${about?.property} ${problem(about?.value, about)}`,
    },
  });
};

/** No line ends, tabs, NULs: they come from careless copying and break headers, paths and logs. */
export const NoControlCharacters = (): PropertyDecorator =>
  TextRule('noControlCharacters', (text) =>
    /\p{Cc}/u.test(text) ? 'must hold no control character, such as a line end' : undefined,
  );
