import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiProperty,
  ApiServiceUnavailableResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { messageOf } from '@waybill/kernel';
import type { FastifyReply } from 'fastify';
import { Public } from '../http/caller.js';
import { Summary } from '../http/summary.js';

/** Throws, with the reason, while the dependency cannot be used. */
export type HealthCheck = () => Promise<void> | void;

type Status = 'up' | 'down';

export class LiveView {
  @ApiProperty({ enum: ['up'] }) status!: 'up';
}

export class DependencyView {
  @ApiProperty({ enum: ['up', 'down'] }) status!: Status;
  @ApiProperty({ required: false, description: 'Why it is down.' }) reason?: string;
}

@ApiExtraModels(DependencyView)
export class ReadyView {
  @ApiProperty({ enum: ['up', 'down'] }) status!: Status;
  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(DependencyView) } })
  dependencies!: Readonly<Record<string, DependencyView>>;
}

/** Every dependency of the process by name; services and the backbone add theirs. */
@Injectable()
export class Health {
  private readonly checks = new Map<string, HealthCheck>();

  add(name: string, check: HealthCheck): void {
    this.checks.set(name, check);
  }

  async report(): Promise<{ ready: boolean; dependencies: Record<string, DependencyView> }> {
    const entries = await Promise.all(
      [...this.checks].map(async ([name, check]): Promise<readonly [string, DependencyView]> => {
        try {
          await check();
          return [name, { status: 'up' }];
        } catch (error) {
          return [name, { status: 'down', reason: messageOf(error) }];
        }
      }),
    );
    return { ready: entries.every(([, { status }]) => status === 'up'), dependencies: Object.fromEntries(entries) };
  }
}

@ApiTags('operation')
@Controller('health')
@Public()
export class HealthController {
  constructor(@Inject(Health) private readonly health: Health) {}

  /** The process runs. */
  @Get('live')
  @Summary('Is it running?')
  @ApiOkResponse({ type: LiveView })
  live(): LiveView {
    return { status: 'up' };
  }

  /** The process can do its work: each dependency by name, 503 when one is down. */
  @Get('ready')
  @Summary('Can it do its work?')
  @ApiOkResponse({ type: ReadyView })
  @ApiServiceUnavailableResponse({ type: ReadyView })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadyView> {
    const { ready, dependencies } = await this.health.report();
    if (!ready) void reply.status(503).header('retry-after', '2');
    return { status: ready ? 'up' : 'down', dependencies };
  }
}
