import { ApiOkResponse } from '@nestjs/swagger';
import { Body, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { DescribeDelivery } from '@waybill/contracts';
import { IsClientId } from '@waybill/forms';
import { type CommandContext, fold, idFrom } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import {
  Context,
  DATABASE,
  Example,
  Roles,
  SERVICE,
  type Service,
  ServiceController,
  Summary,
} from '@waybill/service-kit';
import { pathIn } from '@waybill/connectors';
import { ArrayNotEmpty, IsArray, IsInt, IsOptional, Max, Min } from 'class-validator';
import { rowsOf } from '../execute-run/part-stager.js';
import { Planner } from '../execute-run/plan-run.js';
import { activationsOf } from '../export-now/export-now.js';
import { previewRows } from '../rows/index.js';
import { type FilesPreviewView, PreviewsView } from '../view/preview.view.js';
import { STREAM_SOURCE, type StreamSource } from '../stream-source/index.js';
import { previewEvents } from './preview-events.js';
import { fileNameOfPart, manifestName, type Run, runDecider, type RunEvent } from '../run/index.js';

const MOST_ROWS = 100;

@Example({ segmentIds: ['high-value'], rows: 10 })
export class PreviewForm {
  /** All that are activated, when left out. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsClientId({ each: true })
  segmentIds?: string[];

  /** How many rows to show. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MOST_ROWS)
  rows: number = 10;
}

@ServiceController('v1/destinations/:id/previews', 'delivery')
export class PreviewRoute {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Planner) private readonly planner: Planner,
    @Inject(STREAM_SOURCE) private readonly source: StreamSource,
  ) {}

  /**
   * What an export now would deliver: names, how many rows, the first of them, who is left out. Of what delivers events: the
   * events of the first members, also of segments that are named and not active yet. Nothing is sent, and nothing recorded.
   */
  @Post()
  @Summary('Preview an export')
  @ApiOkResponse({ type: PreviewsView })
  @HttpCode(200)
  @Roles('operator')
  async preview(
    @Context() context: CommandContext,
    @Param('id') destinationId: string,
    @Body() { segmentIds, rows }: PreviewForm,
  ): Promise<PreviewsView> {
    const delivery = await this.service.ask(DescribeDelivery, { destinationId }, context);
    const items: PreviewsView['items'][number][] = [];
    if (delivery.files === null) {
      // Activating sends everybody at once, so that it is before it that one wants to see what.
      const wanted = segmentIds ?? activationsOf(delivery, undefined).map(({ segmentId }) => segmentId);
      for (const segmentId of new Set(wanted)) {
        items.push(await previewEvents(this.service, this.source, context, { destinationId, segmentId, rows }));
      }
      return { items };
    }
    for (const { segmentId, schedule } of activationsOf(delivery, segmentIds)) {
      const run = imagined(context, destinationId, segmentId, schedule?.mode ?? 'full');
      items.push(await this.previewOf(run, context, rows));
    }
    return { items };
  }

  private async previewOf(run: Run, context: CommandContext, rows: number): Promise<FilesPreviewView> {
    const { plan } = await this.planner.plan(run, context);
    const preview = await previewRows(this.database, rowsOf(plan, run.mode, context), {
      rows,
      signal: AbortSignal.timeout(30_000),
    });
    const parts = Math.max(1, Math.ceil(plan.members / plan.files.maxRowsPerFile));
    return {
      segmentId: run.segmentId,
      mode: run.mode,
      files: Array.from({ length: Math.min(parts, 100) }, (_, part) =>
        pathIn(plan.folder, fileNameOfPart(plan, part + 1, plan.revision)),
      ),
      manifest: plan.files.manifest ? pathIn(plan.folder, manifestName(plan.destination.id, '<run>')) : null,
      members: plan.members,
      /** `toRead`: memberships; `header` and `rows` as they will stand in the file; `rejected`: who is left out before and between them, and why. */
      ...preview,
    };
  }
}

const imagined = (
  { commandId, at }: CommandContext,
  destinationId: string,
  segmentId: string,
  mode: Run['mode'],
): Run => {
  const runId = idFrom('preview', commandId, segmentId);
  const requested: RunEvent = {
    type: 'RunRequested',
    data: { runId, destinationId, segmentId, mode, trigger: { kind: 'manual' }, requestedAt: at },
  };
  return fold(runDecider, [requested]) as Run;
};
