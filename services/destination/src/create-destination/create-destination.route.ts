import { Body, Inject, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiCreatedResponse } from '@nestjs/swagger';
import { IsDisplayName } from '@waybill/forms';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { DestinationView, ProvingView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';
import { CreateDestination } from './create-destination.js';

export class CsvForm {
  @IsOptional() @IsString() delimiter?: string;
  @IsOptional() @IsString() quote?: string;
  @IsOptional() @IsString() escape?: string;
  @IsOptional() @IsString() nullValue?: string;
  @IsOptional() @IsString() emptyValue?: string;
  /** What becomes of values that a spreadsheet would run: left alone, made harmless, or their row skipped. */
  @IsOptional()
  @IsIn(['machine', 'spreadsheet-safe', 'reject'])
  injection?: 'machine' | 'spreadsheet-safe' | 'reject';
}

export class FilesForm {
  @IsOptional()
  @IsIn(['csv', 'json'])
  format?: 'csv' | 'json';

  @IsOptional()
  @IsIn(['none', 'gzip'])
  compression?: 'none' | 'gzip';

  @IsOptional()
  @ValidateNested()
  @Type(() => CsvForm)
  csv?: CsvForm;

  /** A JSON file beside the others, published last, that proves what was delivered. */
  @IsOptional()
  @IsBoolean()
  manifest?: boolean;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000_000)
  maxRowsPerFile?: number;
}

@Example({
  accountId: '3fa85f64-5717-4562-b3fc-2c963f66afa6',
  name: 'Weekly',
  marketingActions: ['emailTargeting'],
  target: { folder: 'incoming' },
  files: { format: 'csv', compression: 'gzip' },
})
export class CreateDestinationForm {
  @IsUUID()
  accountId!: string;

  @IsDisplayName()
  name!: string;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string;

  /** Names of marketing actions; none is allowed, and recorded as none stated. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  marketingActions?: string[];

  /** The fields of the type's target form (`GET /v1/catalog/{type}`). */
  @IsObject()
  target!: Record<string, unknown>;

  @IsOptional()
  @ValidateNested()
  @Type(() => FilesForm)
  files?: FilesForm;
}

@ServiceController('v1/destinations', 'destinations')
export class CreateDestinationRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** Creates a destination after its target was proven by the very calls that delivery makes. */
  @Post()
  @Summary('Create a destination')
  @ApiCreatedResponse({ type: DestinationView })
  @ApiAcceptedResponse({ type: ProvingView })
  async create(
    @Context() context: CommandContext,
    @PreferWait() waitMs: number,
    @Body() { description = '', marketingActions = [], files, ...form }: CreateDestinationForm,
  ) {
    const { destinationId, requestId } = await this.commands.execute(
      new CreateDestination(context, {
        ...form,
        description,
        marketingActions,
        ...(files && { files }),
      }),
    );
    const ended = await this.destinations.requestEnded(context, requestId, waitMs);
    if (!ended) {
      return new Outcome(
        { id: destinationId, status: 'proving' },
        { status: 202, location: `/v1/destinations/${destinationId}` },
      );
    }
    return this.destinations.answer(context, destinationId, 201);
  }
}
