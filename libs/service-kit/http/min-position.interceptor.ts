import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, mergeMap, type Observable } from 'rxjs';
import { SERVICE } from '../backbone/tokens.js';
import type { Service } from '../service/service.js';

/** How long a question waits for a write that it names. */
const WAIT_MS = 5_000;

/** On every question route: `X-Min-Position` makes it wait until the service's read models have seen that write. */
@Injectable()
export class WaitForPosition implements NestInterceptor {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const position = request.headers['x-min-position'];
    if (request.method !== 'GET' || typeof position !== 'string') return next.handle();
    return from(this.service.readModelsReach(position, WAIT_MS)).pipe(mergeMap(() => next.handle()));
  }
}
