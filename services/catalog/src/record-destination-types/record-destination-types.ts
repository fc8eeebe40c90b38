import { Inject, Injectable } from '@nestjs/common';
import { type ConnectorSpec, specs } from '@waybill/connectors';
import { jsonSchemaOf } from '@waybill/forms';
import { type CommandContext, idFrom } from '@waybill/kernel';
import { SERVICE, type Service, type Worker } from '@waybill/service-kit';
import type { Listing } from '../destination-type/index.js';
import { destinationTypeStream, destinationTypeStreamOf } from '../stream.js';

/** Destination types belong to the product, not to a tenant. */
const PRODUCT = { tenant: 'waybill', sandbox: 'prod' };

export const listingOf = (spec: ConnectorSpec): Listing => ({
  type: spec.type,
  name: spec.name,
  description: spec.description,
  category: spec.category,
  delivers: spec.delivers,
  encryption: spec.encryption,
  authentication: spec.authentication.map(({ method, title, form }) => ({ method, title, schema: jsonSchemaOf(form) })),
  target: { schema: jsonSchemaOf(spec.target.form) },
});

/** At each start the connectors of the code are told to the log, which records what differs from last time. */
@Injectable()
export class RecordDestinationTypes implements Worker {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  async start(): Promise<void> {
    const at = new Date().toISOString();
    for (const spec of specs) {
      const listing = listingOf(spec);
      const context: CommandContext = {
        ...PRODUCT,
        commandId: idFrom(spec.type, at),
        actor: 'waybill',
        at,
        correlationId: at,
      };
      const stream = destinationTypeStreamOf(spec.type);
      await this.service.execute(destinationTypeStream, stream, { type: 'ListDestinationType', listing }, context);
    }
  }

  async stop(): Promise<void> {
    // it has ended with the start
  }
}
