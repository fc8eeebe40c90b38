import { HttpCode, Inject, Injectable, Param, Post } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import { DestinationDeleted, DestinationDisabled, readMessage } from '@waybill/contracts';
import { type CommandContext, isWaybillError } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import {
  Context,
  contextAfter,
  DATABASE,
  type Executed,
  type Listener,
  Outcome,
  SERVICE,
  ServiceController,
  type Service,
  Summary,
} from '@waybill/service-kit';
import { bodyOfRun } from '../list-runs/run-body.js';
import { Runs } from '../list-runs/runs.js';
import type { Run, RunState } from '../run/index.js';
import { RunView } from '../view/run.view.js';

export class ControlRun extends Command<Executed<RunState>> {
  constructor(
    readonly context: CommandContext,
    readonly runId: string,
    readonly wanted: 'cancel' | 'retry',
  ) {
    super();
  }
}

@CommandHandler(ControlRun)
export class ControlRunHandler implements ICommandHandler<ControlRun> {
  constructor(@Inject(Runs) private readonly runs: Runs) {}

  async execute({ context, runId, wanted }: ControlRun) {
    const { at } = context;
    const executed = await this.runs.execute(
      runId,
      wanted === 'cancel'
        ? { type: 'RequestCancellation', reason: `asked for by ${context.actor}`, at }
        : { type: 'RetryRun', at },
      context,
    );
    this.runs.ring();
    return executed;
  }
}

@ServiceController('v1/runs/:id', 'delivery')
export class ControlRunRoute {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  /** Stops a run at the next safe point: files that have their final names stay, nothing half-written does. */
  @Post('cancel')
  @Summary('Cancel a run')
  @ApiOkResponse({ type: RunView })
  @HttpCode(200)
  cancel(@Context() context: CommandContext, @Param('id') id: string) {
    return this.control(new ControlRun(context, id, 'cancel'));
  }

  /** A failed run goes on from where it stood: what was delivered is not delivered again. */
  @Post('retry')
  @Summary('Retry a failed run')
  @ApiOkResponse({ type: RunView })
  @HttpCode(200)
  retry(@Context() context: CommandContext, @Param('id') id: string) {
    return this.control(new ControlRun(context, id, 'retry'));
  }

  private async control(command: ControlRun): Promise<Outcome> {
    const { state, revision, position } = await this.commands.execute(command);
    return new Outcome(bodyOfRun(state as Run), { status: 200, revision, position });
  }
}

/** A destination that is disabled or deleted exports nothing more, what is under way included. */
@Injectable()
export class CancelRunsOfStoppedDestinations implements Listener {
  readonly listensTo = [DestinationDisabled.type, DestinationDeleted.type];

  constructor(
    @Inject(Runs) private readonly runs: Runs,
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const disabled = message.type === DestinationDisabled.type;
    const { destinationId } = disabled
      ? readMessage(DestinationDisabled, message.data)
      : readMessage(DestinationDeleted, message.data);
    await this.service.readModelsReach('head', 5_000);
    const { rows } = await this.database.pool.query<{ run_id: string }>(
      `select state->>'runId' as run_id from runs
       where state->>'destinationId' = $1 and tenant = $2 and sandbox = $3
         and state->>'status' in ('queued', 'running') and not state ? 'kind'
         and created_at <= $4`,
      [destinationId, message.tenant, message.sandbox, message.time],
    );
    const reason = `the destination was ${disabled ? 'disabled' : 'deleted'}`;
    for (const { run_id } of rows) {
      const context = contextAfter(message, run_id);
      await this.runs
        .execute(run_id, { type: 'RequestCancellation', reason, at: context.at }, context)
        .catch((error: unknown) => {
          if (!isWaybillError(error) || error.slug !== 'run-ended') throw error; // it ended by itself meanwhile
        });
    }
    this.runs.ring();
  }
}
