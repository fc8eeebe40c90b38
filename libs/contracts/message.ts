import { WaybillError } from '@waybill/kernel';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Data, MessageContract } from './define.js';

type SchemaValidator = ReturnType<typeof Compile<TSchema>>;
const validators = new WeakMap<TSchema, SchemaValidator>();

const validatorOf = (schema: TSchema): SchemaValidator => {
  const known = validators.get(schema);
  if (known) return known;
  const compiled = Compile(schema);
  validators.set(schema, compiled);
  return compiled;
};

/** Names the members that are wrong, never their values: data may hold what must not stand in a log. */
const faultsOf = (schema: TSchema, data: unknown): string =>
  validatorOf(schema)
    .Errors(data)
    .slice(0, 5)
    .map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
    .join('; ');

/** The data of a received message. Throws `message-malformed` (malformed): no retry mends it, so it belongs to the dead letters. */
export const readMessage = <Schema extends TSchema>(contract: MessageContract<Schema>, data: unknown): Data<Schema> => {
  if (validatorOf(contract.schema).Check(data)) return data as Data<Schema>;
  throw new WaybillError(
    'message-malformed',
    'malformed',
    `The data of a ${contract.type} message do not fit its contract: ${faultsOf(contract.schema, data)}.`,
  );
};

export interface MessageBody {
  readonly type: string;
  readonly source: string;
  readonly topic: string | null;
  readonly data: object;
}

/**
 * What a contract settles of a message to be sent. Members that the schema does not name are dropped, so that nothing
 * leaves a service by accident. Throws `message-invalid` (internal) for data that do not fit.
 */
export const writeMessage = <Schema extends TSchema>(
  contract: MessageContract<Schema>,
  data: Data<Schema>,
): MessageBody => {
  const named = validatorOf(contract.schema).Clean(structuredClone(data));
  if (!validatorOf(contract.schema).Check(named)) {
    throw new WaybillError(
      'message-invalid',
      'internal',
      `A ${contract.type} message was not sent, since its data do not fit its contract: ${faultsOf(contract.schema, named)}.`,
    );
  }
  const { type, service, topic } = contract;
  return { type, source: `/waybill/${service}`, topic, data: named as object };
};
