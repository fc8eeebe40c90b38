import { HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiProperty } from '@nestjs/swagger';
import { invalidInput } from '@waybill/forms';
import { type CommandContext, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { Context, DATABASE, Outcome, ServiceController, Summary } from '@waybill/service-kit';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { Segments } from '../segments.js';
import type { LoadFormat, LoadResult } from './load.js';
import { loadMembers } from './load-members.js';
import { LoadRecorder } from './load-recorder.js';

export class LoadMembersQuery {
  /** `replace`: members that the upload does not name exit. */
  @IsOptional()
  @IsIn(['merge', 'replace'])
  mode: 'merge' | 'replace' = 'merge';

  /** The column of a CSV that holds the profile id. */
  @IsOptional()
  @IsString()
  identity?: string;
}

export class RejectionView {
  @ApiProperty({ description: 'From 1, as an editor shows it.' }) line!: number;
  @ApiProperty() reason!: string;
}

/** Counts are of lines; in `replace` mode `exited` also counts the members that the upload did not name. */
export class LoadView implements LoadResult {
  @ApiProperty() received!: number;
  @ApiProperty() accepted!: number;
  @ApiProperty() entered!: number;
  @ApiProperty() exited!: number;
  @ApiProperty() unchanged!: number;
  @ApiProperty() rejected!: number;
  @ApiProperty({ type: [RejectionView], description: 'The first 100.' }) rejections!: readonly RejectionView[];
  @ApiProperty({ description: 'Of the upload, hex.' }) sha256!: string;
}

@ServiceController('v1/segments/:id/members', 'audience')
export class LoadMembersRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Segments) private readonly segments: Segments,
    @Inject(LoadRecorder) private readonly recorder: LoadRecorder,
  ) {}

  /** Loads members as CSV or NDJSON, streamed, of any size, all or nothing. */
  @Post()
  @Summary('Load members from CSV or NDJSON')
  @HttpCode(200)
  @ApiConsumes('text/csv', 'application/x-ndjson')
  @ApiOkResponse({ type: LoadView })
  @ApiBody({ schema: { type: 'string', example: 'email,city\nada@example.com,London\n' } })
  async load(
    @Context() context: CommandContext,
    @Param('id') segmentId: string,
    @Query() { mode, identity }: LoadMembersQuery,
    @Req() request: FastifyRequest,
  ) {
    const format = formatOf(request.headers['content-type'], identity);
    checkRevision(context, await this.segments.existing(context, segmentId));
    const result = await loadMembers(this.database, { context, segmentId, mode, format }, request.raw);
    const { revision, position } = await this.recorder.record({ context, segmentId, mode, result });
    return new Outcome(result, { status: 200, revision, position });
  }
}

/** `If-Match`, before the first row: once the rows are in, the event has to follow. */
const checkRevision = ({ expectedRevision }: CommandContext, { revision }: { readonly revision: number }): void => {
  if (expectedRevision === undefined || expectedRevision === revision) return;
  throw new WaybillError(
    'version-mismatch',
    'version-conflict',
    `You saw revision ${expectedRevision}; the segment is at revision ${revision} by now. Read it again and decide anew.`,
  );
};

const formatOf = (contentType = '', identity: string | undefined): LoadFormat => {
  const type = contentType.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/x-ndjson') return { type: 'ndjson' };
  if (type !== 'text/csv') {
    throw new WaybillError(
      'content-type-unsupported',
      'unsupported-type',
      'Send members as text/csv or application/x-ndjson.',
    );
  }
  if (identity === undefined || identity === '') {
    throw invalidInput([
      { path: 'identity', message: 'names the column that holds the profile id, as in ?identity=email' },
    ]);
  }
  return { type: 'csv', identity };
};
