import { Get } from '@nestjs/common';
import { PROFILE_EVENT_SCHEMA } from '@waybill/contracts';
import { ServiceController, Summary } from '@waybill/service-kit';

@ServiceController('v1/schemas', 'catalog')
export class ShowEventSchemaRoute {
  /** JSON Schema of the events that streams and hubs get. */
  @Get('profile-event.json')
  @Summary('Show the schema of events')
  show(): object {
    return PROFILE_EVENT_SCHEMA;
  }
}
