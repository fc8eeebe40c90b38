import { type AuthenticationMethod, type ConnectorSpec, specFor, specs } from '@waybill/connectors';
import { invalidInput, parseForm, splitSecrets } from '@waybill/forms';

/** Credentials as a client sent them, validated by the connector's form and parted into what may be shown and what may not. */
export interface ParsedAuthentication {
  readonly method: string;
  readonly authentication: Record<string, unknown>;
  readonly secret: Record<string, string>;
  readonly address: string;
}

export const specOf = (type: string): ConnectorSpec => {
  const spec = specFor(type);
  if (spec) return spec;
  const known = specs.map((one) => one.type).join(', ');
  throw invalidInput([{ path: 'type', message: `there is no destination type "${type}"; there are ${known}` }]);
};

export const methodOf = (spec: ConnectorSpec, method: unknown): AuthenticationMethod => {
  const found = spec.authentication.find((candidate) => candidate.method === method);
  if (found) return found;
  const known = spec.authentication.map((candidate) => candidate.method).join(', ');
  throw invalidInput([{ path: 'authentication.method', message: `must be one of ${known}` }]);
};

export const parseAuthentication = (
  spec: ConnectorSpec,
  given: Readonly<Record<string, unknown>>,
): ParsedAuthentication => {
  const { method: name, ...fields } = given;
  const { method, form } = methodOf(spec, name);
  const { open, secret } = splitSecrets(form, parseForm(form, fields, 'authentication'));
  return {
    method,
    authentication: open,
    secret,
    address: spec.addressOf(open),
  };
};
