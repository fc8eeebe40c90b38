import { Inject, Injectable } from '@nestjs/common';
import { type CommandContext, newId, type Scope, WaybillError } from '@waybill/kernel';
import { type Executed, type Loaded, SERVICE, type Service } from '@waybill/service-kit';
import type { RequestRun, Run, RunCommand, RunState } from '../run/index.js';
import { runStream, runStreamOf } from '../stream.js';

export const runNotFound = (): WaybillError => new WaybillError('run-not-found', 'not-found', 'There is no such run.');

/** Whose a run is, and what it was asked for with. */
export interface RunCause extends Scope {
  readonly correlationId: string;
}

/** Of what a worker does for a run: it belongs to the request that the run began with. */
export const workContextOf = ({ tenant, sandbox, correlationId }: RunCause): CommandContext => ({
  tenant,
  sandbox,
  commandId: newId(),
  actor: 'delivery',
  at: new Date().toISOString(),
  correlationId,
});

export type LoadedRun = Loaded<RunState> & { readonly state: Run };

/** The run aggregate as the slices use it. */
@Injectable()
export class Runs {
  private readonly listeners = new Set<() => void>();

  constructor(@Inject(SERVICE) private readonly service: Service) {}

  async existing(scope: Scope, runId: string): Promise<LoadedRun> {
    const loaded = await this.service.load(runStream, runStreamOf(runId), scope);
    if (loaded.state.status === 'none') throw runNotFound();
    return { ...loaded, state: loaded.state };
  }

  execute(runId: string, command: RunCommand, context: CommandContext): Promise<Executed<RunState>> {
    return this.service.execute(runStream, runStreamOf(runId), command, context);
  }

  /** A step of a worker: each is a command of its own. */
  async step(runId: string, cause: RunCause, command: RunCommand): Promise<Run> {
    const { state } = await this.execute(runId, command, workContextOf(cause));
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
