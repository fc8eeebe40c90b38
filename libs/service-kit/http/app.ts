import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { CONFIGURATION } from '../backbone/tokens.js';
import type { Configuration } from '../config/configuration.js';
import { BODY_LIMIT, takeBodies } from './bodies.js';
import { logAnswers, withoutWiring } from '../operation/logging.js';
import { refuseForeignPages } from './caller.js';
import { CLOSED_IN_ORDER, closeInOrder } from './closing.js';
import { publishDocuments } from './documents.js';
import { FormPipe } from './form.pipe.js';
import { answerFrameworkError, ProblemFilter } from './problem.js';
import { traceRequests } from './request-traces.js';
import { loggedFor } from '../operation/log-context.js';
import { logOwnerOf } from './command-context.js';
import { measureAnswers } from '../operation/metrics.js';

/** The HTTP side of a process: one Fastify server with the services that `root` imports. Not listening yet. */
export const createHttpApp = async (root: Type | object): Promise<NestFastifyApplication> => {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    ...CLOSED_IN_ORDER,
    frameworkErrors: answerFrameworkError,
    routerOptions: { maxParamLength: 2048 },
  });
  const fastify = adapter.getInstance();
  const app = await NestFactory.create<NestFastifyApplication>(root as Type, adapter, {
    logger: ['error', 'warn'],
    abortOnError: false,
    bodyParser: false, // takes forms of web pages as well
  });
  closeInOrder(fastify);
  takeBodies(app);
  logAnswers(fastify);
  measureAnswers(fastify);
  traceRequests(fastify);
  fastify.addHook('preHandler', (request, _, done) => loggedFor(() => logOwnerOf(request), done));
  // Documents and unknown paths included, which no guard sees.
  const { auth } = app.get<Configuration>(CONFIGURATION);
  if (auth.mode === 'none') fastify.addHook('onRequest', async (request) => refuseForeignPages(request));
  app.useGlobalPipes(new FormPipe());
  app.useGlobalFilters(new ProblemFilter());
  publishDocuments(app, auth);
  app.useLogger(withoutWiring(app.get(Logger)));
  await app.init();
  return app;
};
