import { Inject, Post } from '@nestjs/common';
import { ApiCreatedResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, ServiceController, Summary } from '@waybill/service-kit';
import { ExternalIds } from './external-ids.js';

@ServiceController('v1/external-ids', 'accounts')
export class IssueExternalIdRoute {
  constructor(@Inject(ExternalIds) private readonly externalIds: ExternalIds) {}

  /** Makes an external id for the trust policy of a role that we may then assume (`assume-role`). */
  @Post()
  @Summary('Make an external id for a role')
  @ApiCreatedResponse({ schema: { type: 'object', properties: { externalId: { type: 'string' } } } })
  async issue(@Context() context: CommandContext) {
    return { externalId: await this.externalIds.issue(context) };
  }
}
