import { Inject, Injectable } from '@nestjs/common';
import { type CommandContext, newId, type Scope, WaybillError } from '@waybill/kernel';
import { type Executed, type Loaded, SERVICE, type Service } from '@waybill/service-kit';
import type { RequestRun, Run, RunCommand, RunState } from '../run/index.js';
import { runStream, runStreamOf } from '../stream.js';

export const runNotFound = (): WaybillError => new WaybillError('run-not-found', 'not-found', 'There is no such run.');

/** The run aggregate as the slices use it. */
@Injectable()
export class Runs {
  private readonly listeners = new Set<() => void>();

  constructor(@Inject(SERVICE) private readonly service: Service) {}

  async existing(scope: Scope, runId: string): Promise<Loaded<RunState> & { readonly state: Run }> {
    const loaded = await this.service.load(runStream, runStreamOf(runId), scope);
    if (loaded.state.status === 'none') throw runNotFound();
    return { ...loaded, state: loaded.state };
  }

  execute(runId: string, command: RunCommand, context: CommandContext): Promise<Executed<RunState>> {
    return this.service.execute(runStream, runStreamOf(runId), command, context);
  }

  /** A step of a worker: each is a command of its own. */
  async step(runId: string, scope: Scope, command: RunCommand): Promise<Run> {
    const { tenant, sandbox } = scope;
    const context = {
      tenant,
      sandbox,
      commandId: newId(),
      actor: 'delivery',
      at: new Date().toISOString(),
      correlationId: runId,
    };
    const { state } = await this.execute(runId, command, context);
    return state as Run;
  }

  async request(request: Omit<RequestRun, 'type'>, context: CommandContext): Promise<Executed<RunState>> {
    const executed = await this.execute(request.runId, { type: 'RequestRun', ...request }, context);
    this.ring();
    return executed;
  }

  /** There may be something to do for the workers of this process. */
  ring(): void {
    this.listeners.forEach((listener) => listener());
  }

  onRing(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
