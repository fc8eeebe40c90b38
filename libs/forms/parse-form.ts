import { type FieldError, WaybillError } from '@waybill/kernel';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { closest, distance } from 'fastest-levenshtein';

export type FormClass<T extends object = object> = new () => T;

const UNKNOWN = 'whitelistValidation';

/** The field names a form knows, in the order in which the classes declare them: inherited ones first. */
export const fieldNamesOf = (form: FormClass): readonly string[] => {
  const rules = getMetadataStorage().getTargetValidationMetadatas(form, '', true, false);
  const inherited = rules.filter(({ target }) => target !== form);
  const own = rules.filter(({ target }) => target === form);
  return [...new Set([...inherited, ...own].map(({ propertyName }) => propertyName))];
};

const unknownField = (name: string, known: readonly string[]): string => {
  const near = known.length > 0 ? closest(name, [...known]) : undefined;
  const hint =
    near && distance(near.toLowerCase(), name.toLowerCase()) <= Math.max(2, name.length / 2)
      ? `did you mean "${near}"?`
      : `known are ${known.join(', ') || 'none'}.`;
  return `unknown field; ${hint}`;
};

/** One error per broken field, with its dotted path; nested objects and lists are walked. */
export const fieldErrorsOf = (errors: readonly ValidationError[], prefix = ''): FieldError[] =>
  errors.flatMap((error) => {
    const path = prefix ? `${prefix}.${error.property}` : error.property;
    const known = error.target ? fieldNamesOf(error.target.constructor as FormClass) : [];
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      path,
      message: rule === UNKNOWN ? unknownField(error.property, known) : message,
    }));
    return [...own, ...fieldErrorsOf(error.children ?? [], path)];
  });

/**
 * A validated instance of the form, or a WaybillError `invalid-input` (malformed) that names every broken field and, for
 * an unknown one, the nearest known one. `prefix` is put before the paths: `target` gives `target.folder`.
 */
export const parseForm = <T extends object>(form: FormClass<T>, input: unknown, prefix = ''): T => {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const what = input === null ? 'null' : Array.isArray(input) ? 'a list' : typeof input;
    throw new WaybillError('invalid-input', 'malformed', `${prefix || 'The body'} must be an object, and is ${what}.`, {
      fields: [{ path: prefix, message: 'must be an object' }],
    });
  }
  const instance = plainToInstance(form, input, { exposeDefaultValues: true });
  const errors = fieldErrorsOf(
    validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true }),
    prefix,
  );
  if (errors.length > 0) throw invalidInput(errors);
  return instance;
};

export const invalidInput = (fields: readonly FieldError[]): WaybillError =>
  new WaybillError('invalid-input', 'malformed', fields.map(({ path, message }) => `${path}: ${message}`).join('; '), {
    fields,
  });
