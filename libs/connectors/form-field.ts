import { JSONSchema } from 'class-validator-jsonschema';

/** One decorator for a field that several forms have: its schema and its rules. */
export const formField =
  (schema: Parameters<typeof JSONSchema>[0], ...rules: readonly PropertyDecorator[]): PropertyDecorator =>
  (target, property) => {
    JSONSchema(schema)(target, String(property));
    for (const rule of rules) rule(target, property);
  };
