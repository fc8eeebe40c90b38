import { createRedactor } from '@waybill/secrets';
import { LoggerModule } from 'nestjs-pino';
import type { Configuration } from '../config/configuration.js';

/** Knows every secret that the vault has opened in this process, so that none of them can stand in a log. */
export const redactor = createRedactor();

/** Structured logs on standard output: one JSON object a line, with correlation and tenant, never a body or a secret. */
export const loggerModule = ({ logLevel }: Configuration) =>
  LoggerModule.forRoot({
    pinoHttp: [
      {
        level: logLevel,
        autoLogging: { ignore: ({ url }) => url?.startsWith('/health') === true || url === '/metrics' },
        customLogLevel: (_request, reply, error) =>
          error || reply.statusCode >= 500 ? 'error' : reply.statusCode >= 400 ? 'info' : 'debug',
        redact: {
          paths: ['req.headers.authorization', 'req.headers.cookie', '*.password', '*.secret', '*.privateKey'],
          censor: '[redacted]',
        },
        serializers: {
          req: ({
            id,
            method,
            url,
            headers,
          }: {
            id: string;
            method: string;
            url: string;
            headers?: Record<string, string>;
          }) => ({
            id,
            method,
            url,
            tenant: headers?.['x-tenant'],
            correlationId: headers?.['x-correlation-id'],
          }),
          res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
        },
      },
      { write: (line: string) => void process.stdout.write(redactor.redactText(line)) },
    ],
  });
