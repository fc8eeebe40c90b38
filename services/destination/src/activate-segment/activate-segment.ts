import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DescribeSegments, type Schedule } from '@waybill/contracts';
import { invalidInput } from '@waybill/forms';
import { type CommandContext, WaybillError } from '@waybill/kernel';
import { SERVICE, type Service } from '@waybill/service-kit';
import { specOf } from '../create-destination/create-destination.js';
import { Destinations } from '../view/destinations.js';

export class ActivateSegment extends Command<{ readonly isNew: boolean; readonly revision: number }> {
  constructor(
    readonly context: CommandContext,
    readonly destinationId: string,
    readonly segmentId: string,
    readonly input: { readonly schedule?: Schedule | null; readonly fileName?: string },
  ) {
    super();
  }
}

/** Asks audience for the segment's name, which file names and folders may hold; then the destination decides. */
@CommandHandler(ActivateSegment)
export class ActivateSegmentHandler implements ICommandHandler<ActivateSegment> {
  constructor(
    @Inject(Destinations) private readonly destinations: Destinations,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async execute({ context, destinationId, segmentId, input }: ActivateSegment) {
    const { state } = await this.destinations.existing(context, destinationId);
    const { schedule = scheduleOfStream(state.delivers), ...rest } = input;
    const { segments } = await this.service.ask(DescribeSegments, { segmentIds: [segmentId] }, context);
    const segment = segments[0];
    if (!segment?.exists) throw segmentNotFound(segmentId);
    const spec = specOf(state.type);
    const { tenant, sandbox, at } = context;
    const { revision } = await this.destinations.execute(
      destinationId,
      {
        type: 'ActivateSegment',
        segment: { id: segmentId, name: segment.name ?? segmentId },
        ...rest,
        schedule,
        at,
        scope: { tenant, sandbox },
        folderOf: (of) => spec.folderOf?.(state.target, of) ?? '',
      },
      context,
    );
    return { isNew: !state.activations.some((activation) => activation.segmentId === segmentId), revision };
  }
}

/** Nothing need be said of a schedule where there is none. */
const scheduleOfStream = (delivers: 'files' | 'events'): null => {
  if (delivers === 'events') return null;
  throw invalidInput([
    { path: 'schedule', message: 'is missing; send a schedule, or null for exports only when they are asked for' },
  ]);
};

const segmentNotFound = (id: string) =>
  new WaybillError(
    'segment-not-found',
    'not-found',
    `There is no segment "${id}". Make it first (PUT /v1/segments/{id}).`,
  );
