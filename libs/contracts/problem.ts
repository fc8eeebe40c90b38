import { type ErrorKind, isWaybillError, WaybillError } from '@waybill/kernel';
import Type from 'typebox';
import { type Data, type MessageContract, SERVICES, type Service } from './define.js';

const KINDS = [
  'malformed',
  'unauthenticated',
  'forbidden',
  'not-found',
  'conflict',
  'version-conflict',
  'too-large',
  'unsupported-type',
  'refused',
  'too-many',
  'unavailable',
  'internal',
] as const satisfies readonly ErrorKind[];

/** A WaybillError on the wire and in events. */
export const Problem = Type.Object({
  slug: Type.String({ minLength: 1 }),
  kind: Type.Enum(KINDS),
  detail: Type.String(),
  fields: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  checks: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()))),
  retryAfterSeconds: Type.Optional(Type.Number()),
  extra: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type Problem = Data<typeof Problem>;

/** Of a defect only that it was one: its message may hold anything. */
export const problemOf = (error: unknown): Problem => {
  if (!isWaybillError(error)) {
    return {
      slug: 'internal-error',
      kind: 'internal',
      detail: 'Something went wrong on our side. The logs name the cause.',
    };
  }
  const { slug, kind, message, fields, checks, retryAfterSeconds, extra } = error;
  return {
    slug,
    kind,
    detail: message,
    ...(fields && { fields }),
    ...(checks && { checks: checks.map((check) => ({ ...check })) }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(extra && { extra }),
  };
};

export const errorOf = ({ slug, kind, detail, ...details }: Problem): WaybillError =>
  new WaybillError(slug, kind, detail, details);

/** The other answer to a question: why there is none. */
export const RequestRefused = Object.fromEntries(
  SERVICES.map((service) => [
    service,
    { kind: 'answer', service, type: `waybill.${service}.RequestRefused.v1`, topic: null, schema: Problem },
  ]),
) as Readonly<Record<Service, MessageContract<typeof Problem>>>;
