import type { Static, TSchema } from 'typebox';

export type Service = 'catalog' | 'account' | 'validation' | 'destination' | 'audience' | 'delivery';
export const SERVICES = [
  'catalog',
  'account',
  'validation',
  'destination',
  'audience',
  'delivery',
] as const satisfies readonly Service[];

export type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The plain, read-only data that a schema describes. */
export type Data<Schema extends TSchema> = DeepReadonly<Static<Schema>>;

/**
 * One message type that services exchange. Schemas are open: a reader ignores members it does not know, so a new optional
 * member is no new version. A writer goes through `writeMessage`, which lets nothing out that the schema does not name.
 */
export interface MessageContract<Schema extends TSchema = TSchema> {
  /** `event`: something happened. `command`: do this; its outcome is an event. `question`: answered to `replyTo`. */
  readonly kind: 'event' | 'command' | 'question' | 'answer';
  readonly service: Service;
  /** `waybill.<service>.<Name>.v<n>`. */
  readonly type: string;
  /** Null for an answer: it goes where the asker says. */
  readonly topic: string | null;
  readonly schema: Schema;
}

export interface QuestionContract<
  Schema extends TSchema = TSchema,
  Answer extends TSchema = TSchema,
> extends MessageContract<Schema> {
  readonly answer: MessageContract<Answer>;
}

export type DataOf<Contract extends MessageContract> = Data<Contract['schema']>;
export type AnswerOf<Question extends QuestionContract> = Data<Question['answer']['schema']>;

const define = <Schema extends TSchema>(
  kind: MessageContract['kind'],
  service: Service,
  name: string,
  topic: string | null,
  schema: Schema,
): MessageContract<Schema> => ({ kind, service, type: `waybill.${service}.${name}.v1`, topic, schema });

export const defineEvent = <Schema extends TSchema>(
  service: Service,
  name: string,
  schema: Schema,
  topic = `waybill.${service}.events`,
): MessageContract<Schema> => define('event', service, name, topic, schema);

export const defineCommand = <Schema extends TSchema>(
  service: Service,
  name: string,
  schema: Schema,
): MessageContract<Schema> => define('command', service, name, `waybill.${service}.commands`, schema);

/** The answer's type is `<Name>Answer`; a refusal is `RequestRefused` of the service (problem.ts). */
export const defineQuestion = <Schema extends TSchema, Answer extends TSchema>(
  service: Service,
  name: string,
  schema: Schema,
  answer: Answer,
): QuestionContract<Schema, Answer> => ({
  ...define('question', service, name, `waybill.${service}.commands`, schema),
  answer: define('answer', service, `${name}Answer`, null, answer),
});

/**
 * A command that internal services may send as well, and that is answered like a question where it names a `replyTo`. Its
 * message id is the command id: the same message again gives the first outcome again.
 */
export const defineAnsweredCommand = <Schema extends TSchema, Answer extends TSchema>(
  service: Service,
  name: string,
  schema: Schema,
  answer: Answer,
): QuestionContract<Schema, Answer> => ({ ...defineQuestion(service, name, schema, answer), kind: 'command' });
