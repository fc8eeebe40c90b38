import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { CONFIGURATION } from '../backbone/tokens.js';
import type { Configuration } from '../config/configuration.js';
import { refuseForeignPages } from './caller.js';
import { publishDocuments } from './documents.js';
import { FormPipe } from './form.pipe.js';
import { ProblemFilter } from './problem.js';

/** JSON bodies are forms and keys: one MiB is plenty. Uploads of members are streams without a limit. */
const BODY_LIMIT = 1024 * 1024;
const STREAMED = ['text/csv', 'application/x-ndjson'];

/** The HTTP side of a process: one Fastify server with the services that `root` imports. Not listening yet. */
export const createHttpApp = async (root: Type | object): Promise<NestFastifyApplication> => {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 2048 },
  });
  const fastify = adapter.getInstance();
  fastify.addContentTypeParser(STREAMED, (_request, payload, done) => done(null, payload));
  const app = await NestFactory.create<NestFastifyApplication>(root as Type, adapter, {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  // Documents and unknown paths included, which no guard sees.
  const { auth } = app.get<Configuration>(CONFIGURATION);
  if (auth.mode === 'none') fastify.addHook('onRequest', async (request) => refuseForeignPages(request));
  app.useGlobalPipes(new FormPipe());
  app.useGlobalFilters(new ProblemFilter());
  publishDocuments(app);
  await app.init(); // before the logger is in place: what Nest says of its own wiring is of no use to an operator
  app.useLogger(app.get(Logger));
  return app;
};
