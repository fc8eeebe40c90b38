import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { messageOf } from '@waybill/kernel';
import type { FastifyReply } from 'fastify';
import { Public } from '../http/caller.js';
import { Summary } from '../http/summary.js';

/** Throws, with the reason, while the dependency cannot be used. */
export type HealthCheck = () => Promise<void> | void;

interface Dependency {
  readonly status: 'up' | 'down';
  readonly reason?: string;
}

/** Every dependency of the process by name; services and the backbone add theirs. */
@Injectable()
export class Health {
  private readonly checks = new Map<string, HealthCheck>();

  add(name: string, check: HealthCheck): void {
    this.checks.set(name, check);
  }

  async report(): Promise<{ ready: boolean; dependencies: Record<string, Dependency> }> {
    const entries = await Promise.all(
      [...this.checks].map(async ([name, check]): Promise<readonly [string, Dependency]> => {
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
  live() {
    return { status: 'up' };
  }

  /** The process can do its work: each dependency by name, 503 when one is down. */
  @Get('ready')
  @Summary('Can it do its work?')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const { ready, dependencies } = await this.health.report();
    if (!ready) void reply.status(503).header('retry-after', '2');
    return { status: ready ? 'up' : 'down', dependencies };
  }
}
