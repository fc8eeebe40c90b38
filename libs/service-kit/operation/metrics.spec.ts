import { jest } from '@jest/globals';
import fastify from 'fastify';
import { register } from 'prom-client';
import { gauge, measureAnswers } from './metrics.js';

const valuesOf = (text: string, name: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(name));
const failuresOf = async (metric: string) =>
  valuesOf(await register.metrics(), `waybill_metric_failures_total{metric="${metric}"}`);

describe('a number that is asked for when metrics are read', () => {
  afterEach(() => jest.useRealTimers());

  it('is left out, and counted as missing, when it cannot be had, and all others are told', async () => {
    let away = true;
    gauge('sometimes', 'h', ['of'], async (metric) => {
      metric.set({ of: 'before' }, 1);
      if (away) throw new Error('the database is away');
    });
    gauge('always', 'h', ['of'], (metric) => metric.set({ of: 'here' }, 2));
    const text = await register.metrics();
    expect(valuesOf(text, 'sometimes')).toEqual([]);
    expect(valuesOf(text, 'always')).toEqual(['always{of="here"} 2']);
    expect(await failuresOf('sometimes')).toEqual([expect.stringMatching(/ [12]$/)]);
    expect(await failuresOf('always')).toEqual([expect.stringMatching(/ 0$/)]);

    away = false;
    expect(valuesOf(await register.metrics(), 'sometimes')).toEqual(['sometimes{of="before"} 1']);
  });

  it('is not waited for where its source hangs, which is asked once and not by each who reads', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance'] });
    let asked = 0;
    let answer = (): void => undefined;
    gauge('hangs', 'h', ['of'], async (metric) => {
      asked += 1;
      await new Promise<void>((resolve) => (answer = resolve));
      metric.set({ of: 'late' }, 1);
    });
    for (let reader = 0; reader < 3; reader++) {
      const text = register.metrics();
      await jest.advanceTimersByTimeAsync(60_000);
      expect(valuesOf(await text, 'hangs')).toEqual([]);
    }
    expect(asked).toBe(1);
    answer();
    await jest.advanceTimersByTimeAsync(0);
    const again = register.metrics();
    answer();
    await jest.advanceTimersByTimeAsync(0);
    answer();
    expect(valuesOf(await again, 'hangs')).toEqual(['hangs{of="late"} 1']);
  });
});

describe('answers', () => {
  it('are counted by route and status, also where a guard or the framework gave them, but for streams of events', async () => {
    const server = fastify();
    measureAnswers(server);
    server.addHook('onRequest', async ({ headers }) => {
      if (headers['x-refused'] === 'yes') throw Object.assign(new Error('no'), { statusCode: 403 });
    });
    server.post('/things/:id', () => 'done');
    server.get('/feed', (_, reply) => reply.type('text/event-stream').send('data: 1\n\n'));
    await server.inject({ method: 'POST', url: '/things/1', payload: {} });
    await server.inject({ method: 'POST', url: '/things/2', payload: {}, headers: { 'x-refused': 'yes' } });
    await server.inject({ method: 'POST', url: '/things/3', payload: '<x>', headers: { 'content-type': 'text/xml' } });
    await server.inject('/nowhere');
    await server.inject('/feed');
    const counted = valuesOf(await register.metrics(), 'waybill_http_request_duration_seconds_count');
    expect(counted.map((line) => /route="(.*)",status="(.*)"\} (.*)/.exec(line)?.slice(1).join(' ')).sort()).toEqual([
      '/things/:id 200 1',
      '/things/:id 403 1',
      '/things/:id 415 1',
      'unknown 404 1',
    ]);
    await server.close();
  });
});
