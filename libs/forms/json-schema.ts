import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { type FormClass, fieldNamesOf } from './parse-form.js';
import { secretFieldsOf } from './secret.js';

const hasDefault = (property: unknown): boolean =>
  (property as { default?: unknown } | undefined)?.default !== undefined;

/** JSON Schema 2020-12 of a form, from the class that validates it: fields in the order of the form, secrets `writeOnly`. */
export const jsonSchemaOf = (form: FormClass): Record<string, unknown> => {
  const schema = targetConstructorToSchema(form);
  const secrets = new Set(secretFieldsOf(form));
  const properties = Object.fromEntries(
    fieldNamesOf(form)
      .filter((name) => schema.properties?.[name] !== undefined)
      .map((name, index) => [
        name,
        { ...schema.properties?.[name], ...(secrets.has(name) ? { writeOnly: true } : {}), 'x-order': index + 1 },
      ]),
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties,
    required: (schema.required ?? []).filter((name) => !hasDefault(schema.properties?.[name])),
    additionalProperties: false,
  };
};
