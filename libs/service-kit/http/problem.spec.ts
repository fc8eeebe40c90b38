import { type ArgumentsHost, Logger } from '@nestjs/common';
import { WaybillError } from '@waybill/kernel';
import type { FastifyInstance } from 'fastify';
import { logAnswers } from '../operation/logging.js';
import { ProblemFilter, retryAfterOf } from './problem.js';

describe('the log of a failure', () => {
  const lines: unknown[] = [];
  beforeAll(() => {
    const take = (...line: readonly unknown[]) => void lines.push(line);
    Logger.overrideLogger({ log: take, error: take, warn: take });
  });
  afterAll(() => void Logger.overrideLogger(false));

  it.each([
    ['is ours', { destroyed: false, complete: true }],
    ['is a request that broke off', { destroyed: true, complete: false }],
  ])('names the route and never the path, which may name a person (it %s)', (_, raw) => {
    lines.length = 0;
    const url = '/v1/profiles/ada%40example.com?identity=ada';
    const request = { raw, url, method: 'DELETE', routeOptions: { url: '/v1/profiles/:id' }, headers: {} };
    const host = { switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ sent: true }) }) };
    new ProblemFilter().catch(new Error('a defect'), host as unknown as ArgumentsHost);
    const text = JSON.stringify(lines);
    expect(text).toContain('"method":"DELETE","route":"/v1/profiles/:id"');
    expect(text).not.toContain('ada');
  });
});

describe('the level of a failure', () => {
  const lines: (readonly [level: string, message: unknown])[] = [];
  beforeAll(() => {
    const take = (level: string) => (_: unknown, message: unknown) => void lines.push([level, message]);
    Logger.overrideLogger({ log: take('info'), warn: take('warn'), error: take('error') });
  });
  afterAll(() => void Logger.overrideLogger(false));

  /** As the filter and the line of its answer tell of it. */
  const levelsOf = (failure: unknown): string[] => {
    lines.length = 0;
    const raw = { destroyed: false, complete: true };
    const request = { raw, url: '/v1/things', method: 'GET', routeOptions: { url: '/v1/things' }, headers: {} };
    const host = { switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ sent: true }) }) };
    new ProblemFilter().catch(failure, host as unknown as ArgumentsHost);
    const addHook = (_: string, answered: (...args: readonly unknown[]) => void) =>
      answered(request, { statusCode: 503, elapsedTime: 1 }, () => undefined);
    logAnswers({ addHook } as unknown as FastifyInstance);
    expect(lines.map(([, message]) => message)).toEqual([expect.any(String), 'answered']);
    return lines.map(([level]) => level);
  };

  it('is a warning where it only asks to come again', () => {
    for (const slug of ['projection-behind', 'service-stopping', 'stream-busy'])
      expect(levelsOf(new WaybillError(slug, 'unavailable', 'Try again shortly.'))).toEqual(['warn', 'warn']);
  });

  it('is an error where something is away or broken', () => {
    const away = new WaybillError('database-unavailable', 'unavailable', 'The database does not answer.');
    const held = new WaybillError('projection-behind', 'unavailable', 'Not yet.', { cause: new Error('a defect') });
    for (const failure of [away, held, new Error('a defect')]) expect(levelsOf(failure)).toEqual(['error', 'error']);
  });
});

describe('Retry-After', () => {
  it('is said with whatever is away, also where nobody knows for how long', () => {
    expect(retryAfterOf(new WaybillError('partner-unavailable', 'unavailable', 'The partner is away.'))).toBe(2);
    const known = { retryAfterSeconds: 7 };
    expect(retryAfterOf(new WaybillError('partner-unavailable', 'unavailable', 'The partner is away.', known))).toBe(7);
  });

  it('is not said where trying again changes nothing', () => {
    expect(retryAfterOf(new WaybillError('account-not-found', 'not-found', 'There is none.'))).toBeUndefined();
  });
});
