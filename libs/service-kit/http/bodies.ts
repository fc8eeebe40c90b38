import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { invalidInput } from '@waybill/forms';
import { WaybillError } from '@waybill/kernel';
import type { FastifyRequest } from 'fastify';

/** JSON bodies are forms and keys: one MiB is plenty. Uploads of members are streams without a limit. */
export const BODY_LIMIT = 1024 * 1024;
const STREAMED = ['text/csv', 'application/x-ndjson'];
/** No form is nested as deep; what walks values may run out of stack in one that is. */
const DEEPEST = 32;

/** Which bodies are taken: JSON of texts that can be kept, and what is handed on as a stream. Anything else is 415. */
export const takeBodies = (app: NestFastifyApplication): void => {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeContentTypeParser('text/plain');
  app.useBodyParser('application/json', { bodyLimit: BODY_LIMIT });
  fastify.addContentTypeParser(STREAMED, (_request, payload, done) => done(null, payload));
  fastify.addHook('onRequest', async (request) => checkUrl(request));
  fastify.addHook('preValidation', async ({ body }) => checkBody(body));
};

export const isStream = (body: unknown): boolean =>
  typeof (body as { pipe?: unknown } | null | undefined)?.pipe === 'function';

const NUL = 'holds a NUL character, which no text may';

/** PostgreSQL keeps no NUL and no half of a surrogate pair, and a read model would stop at them for good. */
const faultOf = (text: string): string | undefined => {
  if (text.includes('\0')) return NUL;
  return text.isWellFormed() ? undefined : 'holds half of a surrogate pair, which is no character';
};

const checkUrl = ({ url }: FastifyRequest): void => {
  if (url.includes('%00')) throw new WaybillError('malformed-request', 'malformed', `The path or the query ${NUL}.`);
};

const checkBody = (body: unknown): void => {
  if (isStream(body)) return;
  let level: readonly (readonly [path: string, value: unknown])[] = [['', body]];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) {
      throw new WaybillError('malformed-request', 'malformed', `The body is nested more than ${DEEPEST} levels deep.`);
    }
    level = level.flatMap(([path, value]) => membersOf(path, value));
  }
};

const membersOf = (path: string, value: unknown): readonly (readonly [string, unknown])[] => {
  const fault = typeof value === 'string' ? faultOf(value) : undefined;
  if (fault) throw invalidInput([{ path, message: fault }]);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([name, member]) => {
    const nameFault = faultOf(name);
    if (nameFault) throw invalidInput([{ path, message: `has a field whose name ${nameFault}` }]);
    return [path === '' ? name : `${path}.${name}`, member];
  });
};
