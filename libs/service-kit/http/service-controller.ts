import { applyDecorators, Controller, UseInterceptors } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CommandOutcomes } from './idempotency.interceptor.js';
import { WaitForPosition } from './min-position.interceptor.js';

/** A controller of a service's own slice: commands give outcomes, questions can wait for a position. */
export const ServiceController = (path: string, tag: string): ClassDecorator =>
  applyDecorators(Controller(path), ApiTags(tag), UseInterceptors(CommandOutcomes, WaitForPosition));
