import { Logger, type LoggerService } from '@nestjs/common';
import { createRedactor } from '@waybill/secrets';
import type { FastifyInstance } from 'fastify';
import { LoggerModule } from 'nestjs-pino';
import type { Configuration } from '../config/configuration.js';
import { knownCallerOf } from '../http/caller.js';
import { logOwnerOf } from '../http/command-context.js';
import { isFaultless } from '../http/problem.js';
import { ownerOfLine } from './log-context.js';

/** Knows every secret that the vault has opened in this process, so that none of them can stand in a log. */
export const redactor = createRedactor();

/** Structured logs on standard output: one JSON object a line, never a body or a secret; it names whose work it tells of. */
export const loggerModule = ({ logLevel }: Configuration) =>
  LoggerModule.forRoot({
    pinoHttp: [
      { level: logLevel, autoLogging: false, quietReqLogger: true, mixin: ownerOfLine },
      { write: (line: string) => void process.stdout.write(redactor.redactText(line)) },
    ],
  });

/** Which routes and modules there are, Nest tells at each start; of no use to an operator. */
const WIRING = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication', 'NestFactory']);

export const withoutWiring = (logger: LoggerService): LoggerService => ({
  log: (message: unknown, ...rest: unknown[]) => {
    if (!WIRING.has(String(rest.at(-1)))) logger.log(message, ...rest);
  },
  error: (message: unknown, ...rest: unknown[]) => logger.error(message, ...rest) as unknown,
  warn: (message: unknown, ...rest: unknown[]) => logger.warn(message, ...rest) as unknown,
  debug: (message: unknown, ...rest: unknown[]) => logger.debug?.(message, ...rest) as unknown,
  verbose: (message: unknown, ...rest: unknown[]) => logger.verbose?.(message, ...rest) as unknown,
  fatal: (message: unknown, ...rest: unknown[]) => logger.fatal?.(message, ...rest) as unknown,
});

const QUIET = /^\/(health|metrics)/;

/**
 * A line for each answer: debug, info from 400 on, error from 500 on, or a warning where it only asks to come again. It
 * names the route and not the path, which may hold the id of a person.
 */
export const logAnswers = (fastify: FastifyInstance): void => {
  const log = new Logger('http');
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { statusCode: status } = reply;
    const actor = knownCallerOf(request)?.actor;
    const durationMs = Math.round(reply.elapsedTime);
    const line = { method: request.method, route, status, durationMs, ...logOwnerOf(request), actor };
    if (status >= 500 && isFaultless(request)) log.warn(line, 'answered');
    else if (status >= 500) log.error(line, 'answered');
    else if (status >= 400) log.log(line, 'answered');
    else if (!QUIET.test(route)) log.debug(line, 'answered');
    done();
  });
};
