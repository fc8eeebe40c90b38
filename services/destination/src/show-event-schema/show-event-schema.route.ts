import { Get } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { PROFILE_EVENT_SCHEMA, TEST_RECORD_SCHEMA } from '@waybill/contracts';
import { ServiceController, Summary } from '@waybill/service-kit';

const SCHEMA = { schema: { type: 'object', additionalProperties: true, description: 'JSON Schema 2020-12.' } } as const;

@ServiceController('v1/schemas', 'catalog')
export class ShowEventSchemaRoute {
  /** JSON Schema of the events that streams and hubs get. */
  @Get('profile-event.json')
  @Summary('Show the schema of events')
  @ApiOkResponse(SCHEMA)
  show(): object {
    return PROFILE_EVENT_SCHEMA;
  }

  /** JSON Schema of the record that a validation leaves in a stream or a hub when it is asked to. */
  @Get('test-record.json')
  @Summary('Show the schema of test records')
  @ApiOkResponse(SCHEMA)
  showTestRecord(): object {
    return TEST_RECORD_SCHEMA;
  }
}
