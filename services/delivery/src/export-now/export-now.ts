import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type AnswerOf, DescribeDelivery } from '@waybill/contracts';
import { type CommandContext, idFrom, WaybillError } from '@waybill/kernel';
import { SERVICE, type Service } from '@waybill/service-kit';
import { Runs } from '../list-runs/runs.js';
import { refuseWhenDisabled } from '../refuse-when-disabled.js';

export interface RequestedRun {
  readonly id: string;
  readonly segmentId: string;
}

export class ExportNow extends Command<readonly RequestedRun[]> {
  constructor(
    readonly context: CommandContext,
    readonly destinationId: string,
    readonly segmentIds: readonly string[] | undefined,
  ) {
    super();
  }
}

type Delivery = AnswerOf<typeof DescribeDelivery>;

/** Requests a run for each segment, in the mode of its activation; without a schedule, a full one. */
@CommandHandler(ExportNow)
export class ExportNowHandler implements ICommandHandler<ExportNow> {
  constructor(
    @Inject(Runs) private readonly runs: Runs,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async execute({ context, destinationId, segmentIds }: ExportNow): Promise<readonly RequestedRun[]> {
    const delivery = await this.service.ask(DescribeDelivery, { destinationId }, context);
    refuseWhenDisabled(delivery);
    if (delivery.files === null) throw destinationIsLive();
    const activations = activationsOf(delivery, segmentIds);
    const requested: RequestedRun[] = [];
    for (const { segmentId, schedule } of activations) {
      const runId = idFrom('run', context.commandId, segmentId);
      await this.runs.request(
        {
          runId,
          destinationId,
          segmentId,
          mode: schedule?.mode ?? 'full',
          trigger: { kind: 'manual' },
          at: context.at,
        },
        { ...context, commandId: idFrom(context.commandId, segmentId) },
      );
      requested.push({ id: runId, segmentId });
    }
    return requested;
  }
}

/** The activations of these segments, or all of them; refuses a segment that is not activated. */
export const activationsOf = (
  delivery: Delivery,
  segmentIds: readonly string[] | undefined,
): Delivery['activations'] => {
  const known = new Map(delivery.activations.map((activation) => [activation.segmentId, activation]));
  if (known.size === 0) throw nothingActivated();
  return [...new Set(segmentIds ?? known.keys())].map((segmentId) => known.get(segmentId) ?? notActivated(segmentId));
};

const destinationIsLive = () =>
  new WaybillError(
    'destination-is-live',
    'refused',
    'This destination delivers events as they happen; there are no files to export.',
  );

const nothingActivated = () =>
  new WaybillError(
    'nothing-activated',
    'refused',
    'No segment is activated for this destination. Activate one first (PUT …/segments/{segmentId}).',
  );

const notActivated = (segmentId: string): never => {
  throw new WaybillError(
    'segment-not-activated',
    'not-found',
    `The segment "${segmentId}" is not activated for this destination.`,
    {
      fields: [{ path: 'segmentIds', message: `"${segmentId}" is not activated` }],
    },
  );
};
