import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, register } from 'prom-client';
import { finalize, type Observable } from 'rxjs';
import { Public } from '../http/caller.js';

const started = register.getSingleMetric('nodejs_version_info') !== undefined;
if (!started) collectDefaultMetrics();

const requests = new Histogram({
  name: 'waybill_http_request_duration_seconds',
  help: 'Time to answer a request, by route and status (rate, errors and duration of the service).',
  labelNames: ['method', 'route', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
});

/** A number that is asked for when metrics are read. */
export const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  collect: (gauge: Gauge) => Promise<void> | void,
): Gauge =>
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    async collect() {
      this.reset();
      await collect(this);
    },
  });

@Injectable()
export class RequestMetrics implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const stop = requests.startTimer({ method: request.method, route: request.routeOptions.url ?? 'unknown' });
    // The status is final once the answer has left; an error's status is set by the filter after this interceptor.
    return next
      .handle()
      .pipe(finalize(() => reply.raw.once('finish', () => stop({ status: String(reply.statusCode) }))));
  }
}

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
