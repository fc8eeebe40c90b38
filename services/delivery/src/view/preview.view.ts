import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';

class RejectedRowView {
  @ApiProperty() profileId!: string;
  @ApiProperty({ description: '`required:email`, `duplicate`.' }) reason!: string;
}

/** What an export of a segment now would deliver. */
export class FilesPreviewView {
  @ApiProperty() segmentId!: string;
  @ApiProperty({ enum: ['full', 'incremental'] }) mode!: string;
  @ApiProperty({ type: [String], description: 'Paths of the first hundred files.' }) files!: readonly string[];
  @ApiProperty({ nullable: true, type: String }) manifest!: string | null;
  @ApiProperty() members!: number;
  @ApiProperty({ description: 'Memberships. Rows may be more (identities) or fewer (left out).' }) toRead!: number;
  @ApiProperty({ description: 'As it will stand in the file; empty for JSON.' }) header!: string;
  @ApiProperty({ type: [String], description: 'The first, as they will stand in the file.' }) rows!: readonly string[];
  @ApiProperty({ type: [RejectedRowView] }) rejected!: readonly RejectedRowView[];
}

class PreviewedEventView {
  @ApiProperty({ description: 'The partition key.' }) key!: string;
  @ApiProperty({ type: 'object', additionalProperties: true, description: 'GET /v1/schemas/profile-event.json' })
  payload!: unknown;
}

class RejectedEventView extends RejectedRowView {
  @ApiProperty() message!: string;
}

/** The events of the first members. */
export class EventsPreviewView {
  @ApiProperty() segmentId!: string;
  @ApiProperty({ enum: ['stream'] }) mode!: 'stream';
  @ApiProperty() members!: number;
  @ApiProperty({ type: [PreviewedEventView] }) events!: readonly PreviewedEventView[];
  @ApiProperty({ type: [RejectedEventView], description: 'Who of them cannot be sent.' })
  rejected!: readonly RejectedEventView[];
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'How many of them lead to no event, by reason.',
  })
  leftOut!: Readonly<Record<string, number>>;
}

@ApiExtraModels(FilesPreviewView, EventsPreviewView)
export class PreviewsView {
  @ApiProperty({
    type: 'array',
    items: { oneOf: [FilesPreviewView, EventsPreviewView].map((view) => ({ $ref: getSchemaPath(view) })) },
  })
  items!: readonly (FilesPreviewView | EventsPreviewView)[];
}
