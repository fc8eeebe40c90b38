import 'reflect-metadata';
import type { FormClass } from './parse-form.js';

const SECRETS = Symbol('waybill:secrets');

/** Marks a field whose value goes to the vault and is shown masked. In the JSON Schema it is `writeOnly`. */
export const Secret = (): PropertyDecorator => (target, property) => {
  const known = (Reflect.getMetadata(SECRETS, target) as readonly string[] | undefined) ?? [];
  Reflect.defineMetadata(SECRETS, [...known, String(property)], target);
};

export const secretFieldsOf = (form: FormClass): readonly string[] =>
  (Reflect.getMetadata(SECRETS, form.prototype as object) as readonly string[] | undefined) ?? [];

/** Parts a validated form into what may be shown and what goes to the vault. Absent fields stay absent. */
export const splitSecrets = (
  form: FormClass,
  value: object,
): { readonly open: Record<string, unknown>; readonly secret: Record<string, string> } => {
  const secrets = new Set(secretFieldsOf(form));
  const open: Record<string, unknown> = {};
  const secret: Record<string, string> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (secrets.has(name)) secret[name] = String(member);
    else open[name] = member;
  }
  return { open, secret };
};

export const MASK = '••••••••';

/** The open part with every secret field of the form shown as a mask. */
export const withMaskedSecrets = (form: FormClass, open: object): Record<string, unknown> => ({
  ...open,
  ...Object.fromEntries(secretFieldsOf(form).map((name) => [name, MASK])),
});
