import { Get } from '@nestjs/common';
import { PROFILE_EVENT_SCHEMA } from '@waybill/contracts';
import { ServiceController } from '@waybill/service-kit';

@ServiceController('v1/schemas', 'catalog')
export class ShowEventSchemaRoute {
  /** JSON Schema of the events that streams and hubs get. */
  @Get('profile-event.json')
  show(): object {
    return PROFILE_EVENT_SCHEMA;
  }
}
