import { Body, Delete, Inject, Param, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { Type } from 'class-transformer';
import { IsIn, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import { ChangeDestination } from '../change-destination.js';
import { DestinationView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';
import { ActivateSegment } from './activate-segment.js';

const FREQUENCIES = [
  'once',
  'hourly',
  'every-3-hours',
  'every-6-hours',
  'every-8-hours',
  'every-12-hours',
  'daily',
  'weekly',
  'monthly',
] as const;

export class ScheduleForm {
  @IsIn(['full', 'incremental'])
  mode!: 'full' | 'incremental';

  @IsIn(FREQUENCIES)
  frequency!: (typeof FREQUENCIES)[number];

  /** `HH:mm`, on the clock of `timeZone`. */
  @IsString()
  at!: string;

  /** IANA name: `Europe/Berlin`. */
  @IsString()
  timeZone!: string;

  /** `yyyy-MM-dd`, the first day on which a slot may begin. */
  @IsString()
  startDate!: string;

  /** The last day on which a slot may begin, inclusive. */
  @IsOptional()
  @IsString()
  endDate?: string;
}

@Example({
  schedule: { mode: 'full', frequency: 'daily', at: '06:30', timeZone: 'Europe/Berlin', startDate: '2027-01-01' },
})
export class ActivationForm {
  /** Null: files go out only when a run is asked for. What delivers events is live: null there, or left out. */
  @IsOptional()
  @ValidateNested()
  @Type(() => ScheduleForm)
  schedule?: ScheduleForm | null;

  /** Template without extension; `%DESTINATION_NAME%`, `%SEGMENT_ID%`, `%DATETIME(YYYYMMdd_HHmmss)%` … */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  fileName?: string;
}

@ServiceController('v1/destinations/:id/segments/:segmentId', 'activation')
export class ActivateSegmentRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** Switches a segment on, or changes the schedule or file name of one that is on. */
  @Put()
  @Summary('Activate a segment, or change its schedule')
  @ApiCreatedResponse({ type: DestinationView, description: 'Of a segment that was not activated.' })
  @ApiOkResponse({ type: DestinationView })
  async activate(
    @Context() context: CommandContext,
    @Param('id') id: string,
    @Param('segmentId') segmentId: string,
    @Body() { schedule, fileName }: ActivationForm,
  ) {
    const input = {
      ...(schedule === undefined ? {} : { schedule: schedule && { ...schedule } }),
      ...(fileName === undefined ? {} : { fileName }),
    };
    const { isNew } = await this.commands.execute(new ActivateSegment(context, id, segmentId, input));
    return this.destinations.answer(context, id, isNew ? 201 : 200);
  }

  /** Switches a segment off; a run under way ends as it was planned. */
  @Delete()
  @Summary('Deactivate a segment')
  @ApiOkResponse({ type: DestinationView })
  async deactivate(@Context() context: CommandContext, @Param('id') id: string, @Param('segmentId') segmentId: string) {
    await this.commands.execute(new ChangeDestination(context, id, { type: 'DeactivateSegment', segmentId }));
    return this.destinations.answer(context, id);
  }
}
