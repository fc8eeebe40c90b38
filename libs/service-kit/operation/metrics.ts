import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { within } from '@waybill/kernel';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, type MetricValue, register } from 'prom-client';
import { Public } from '../http/caller.js';

collectDefaultMetrics();

const requests = new Histogram({
  name: 'waybill_http_request_duration_seconds',
  help: 'Time to answer a request, by route and status (rate, errors and duration of the service).',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
});

const failures = new Counter({
  name: 'waybill_metric_failures_total',
  help: 'Metrics that were left out when metrics were read, since what they are asked of is away.',
  labelNames: ['metric'],
});

/** Of a number that is asked for: metrics have to be told when it matters, and Prometheus waits for 10 s. */
const PATIENCE_MS = 3_000;

/**
 * A number that is asked for when metrics are read. It is left out where whoever is asked is away, for an outage is when the
 * other metrics are wanted most.
 */
export const gauge = (
  name: string,
  help: string,
  labelNames: readonly string[],
  collect: (gauge: Gauge) => Promise<void> | void,
): Gauge => {
  const options = { name, help, labelNames: [...labelNames] };
  const ask = async (): Promise<readonly Sample[]> => {
    const asked = new Gauge({ ...options, registers: [] });
    await collect(asked);
    return (await asked.get()).values;
  };
  let asking: Promise<readonly Sample[]> | undefined;
  failures.inc({ metric: name }, 0);
  return new Gauge({
    ...options,
    async collect() {
      // A question that hangs is not asked again by each reader, or they would take up every connection.
      asking ??= ask().finally(() => (asking = undefined));
      const samples = await within(PATIENCE_MS, asking, () => new Error('no answer')).catch(() => undefined);
      if (samples === undefined) failures.inc({ metric: name });
      this.reset();
      for (const { labels, value } of samples ?? []) this.set(labels, value);
    },
  });
};

type Sample = MetricValue<string>;

/** What is answered by whomever: a handler, a guard before it, or the framework where there is none. */
export const measureAnswers = (fastify: FastifyInstance): void => {
  fastify.addHook('onResponse', (request, reply, done) => {
    // A stream of events ends when its reader goes, which says nothing of ours.
    if (reply.getHeader('content-type') !== EVENT_STREAM) {
      const labels = { method: request.method, route: request.routeOptions.url ?? 'unknown' };
      requests.observe({ ...labels, status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
    }
    done();
  });
};

const EVENT_STREAM = 'text/event-stream';

@ApiExcludeController()
@Controller('metrics')
@Public()
export class MetricsController {
  @Get()
  @Header('content-type', register.contentType)
  metrics(): Promise<string> {
    return register.metrics();
  }
}
