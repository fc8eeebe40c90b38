import { Body, Inject, Param, Post, Put } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse } from '@nestjs/swagger';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { IsDisplayName } from '@waybill/forms';
import { type CommandContext, idFrom } from '@waybill/kernel';
import { Context, Example, type Executed, Outcome, ServiceController, Summary } from '@waybill/service-kit';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import type { SegmentState } from '../segment/index.js';
import { Segments, SegmentView } from '../segments.js';

export class DefineSegment extends Command<Executed<SegmentState>> {
  constructor(
    readonly context: CommandContext,
    readonly segmentId: string,
    readonly input: { readonly name: string; readonly description?: string },
  ) {
    super();
  }
}

@CommandHandler(DefineSegment)
export class DefineSegmentHandler implements ICommandHandler<DefineSegment> {
  constructor(@Inject(Segments) private readonly segments: Segments) {}

  execute({ context, segmentId, input }: DefineSegment) {
    return this.segments.execute(segmentId, { type: 'DefineSegment', segmentId, ...input }, context);
  }
}

@Example({ name: 'High value', description: 'Bought more than once' })
export class SegmentForm {
  @IsDisplayName()
  name!: string;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string;
}

@ServiceController('v1/segments', 'audience')
export class DefineSegmentRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Segments) private readonly segments: Segments,
  ) {}

  /** Makes a segment under an id of ours. */
  @Post()
  @Summary('Make a segment')
  @ApiCreatedResponse({ type: SegmentView })
  create(@Context() context: CommandContext, @Body() form: SegmentForm) {
    return this.define(context, idFrom('segment', context.commandId), form, true);
  }

  /** Makes a segment under an id of the client's, or revises the one that is there. */
  @Put(':id')
  @Summary('Make or revise a segment')
  @ApiCreatedResponse({ type: SegmentView, description: 'Of a segment that was not there.' })
  @ApiOkResponse({ type: SegmentView })
  async put(@Context() context: CommandContext, @Param('id') id: string, @Body() form: SegmentForm) {
    const { state } = await this.segments.load(context, id);
    return this.define(context, id, form, state.status === 'none');
  }

  private async define(context: CommandContext, id: string, form: SegmentForm, isNew: boolean) {
    const { revision, position } = await this.commands.execute(new DefineSegment(context, id, form));
    return new Outcome(await this.segments.view(context, id), {
      status: isNew ? 201 : 200,
      revision,
      position,
      ...(isNew ? { location: `/v1/segments/${encodeURIComponent(id)}` } : {}),
    });
  }
}
