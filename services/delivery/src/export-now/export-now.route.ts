import { Body, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, Outcome, ServiceController, Summary } from '@waybill/service-kit';
import { ArrayNotEmpty, IsArray, IsOptional, IsString } from 'class-validator';
import { RequestedRunsView } from '../view/run.view.js';
import { ExportNow } from './export-now.js';

@Example({ segmentIds: ['high-value'] })
export class ExportNowForm {
  /** All that are activated, when left out. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  segmentIds?: string[];
}

@ServiceController('v1/destinations/:id/runs', 'delivery')
export class ExportNowRoute {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  /** Exports now; the schedule stays as it is. A segment that is being exported already waits its turn. */
  @Post()
  @Summary('Export now')
  @ApiAcceptedResponse({ type: RequestedRunsView })
  @HttpCode(202)
  async export(@Context() context: CommandContext, @Param('id') id: string, @Body() { segmentIds }: ExportNowForm) {
    const items = await this.commands.execute(new ExportNow(context, id, segmentIds));
    const only = items.length === 1 ? items[0] : undefined;
    return new Outcome({ items }, { status: 202, ...(only ? { location: `/v1/runs/${only.id}` } : {}) });
  }
}
