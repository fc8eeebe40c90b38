import { Body, Inject, Param, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import { ChangeDestination } from '../change-destination.js';
import { DestinationView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';

export class MappingFieldForm {
  /** `attributes.<name>`, `identities.<namespace>`, `profile.id`, `segment.status` … */
  @IsString()
  @MaxLength(256)
  source!: string;

  /** The name of the column, where dots become underscores; in events a path into nested objects, `person.name.firstName`. */
  @IsString()
  @MaxLength(256)
  target!: string;

  /** A profile without it is skipped, and counted. */
  @IsOptional()
  @IsBoolean()
  required?: boolean;

  /** Part of the deduplication key; files only. */
  @IsOptional()
  @IsBoolean()
  key?: boolean;
}

@Example({
  fields: [
    { source: 'identities.email', target: 'email', key: true },
    { source: 'attributes.city', target: 'city', required: true },
  ],
})
export class MappingForm {
  /** In the order of the columns; may be empty for what delivers events. */
  @IsArray()
  @ArrayMaxSize(500)
  @ValidateNested({ each: true })
  @Type(() => MappingFieldForm)
  fields!: MappingFieldForm[];
}

@ServiceController('v1/destinations/:id/mapping', 'activation')
export class ChangeMappingRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** What columns or events hold; runs planned and events read from now on use it, and name its revision. */
  @Put()
  @Summary('Change the mapping')
  @ApiOkResponse({ type: DestinationView })
  async change(@Context() context: CommandContext, @Param('id') id: string, @Body() { fields }: MappingForm) {
    await this.commands.execute(new ChangeDestination(context, id, { type: 'ChangeMapping', fields, at: context.at }));
    return this.destinations.answer(context, id);
  }
}
