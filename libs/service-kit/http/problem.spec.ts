import { type ArgumentsHost, Logger } from '@nestjs/common';
import { WaybillError } from '@waybill/kernel';
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
