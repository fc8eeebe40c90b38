import { Inject, Injectable } from '@nestjs/common';
import { connectorFor, type EventSink } from '@waybill/connectors';
import { DescribeAccount, DescribeDelivery } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';
import type { Vault } from '@waybill/secrets';
import { CONFIGURATION, type Configuration, SERVICE, type Service, VAULT } from '@waybill/service-kit';
import { contextOf } from './position-feeds.js';
import type { ActiveStream } from './streams.js';

/** Connects to the partner of a destination, with its target and its account as they are now. */
@Injectable()
export class Sinks {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  async open(stream: ActiveStream, signal: AbortSignal): Promise<EventSink> {
    const context = contextOf(stream);
    const delivery = await this.service.ask(DescribeDelivery, { destinationId: stream.destinationId }, context);
    const { accountId, target } = delivery;
    const account = await this.service.ask(DescribeAccount, { accountId }, context);
    const connector = connectorFor(delivery.type);
    if (!connector?.openEventSink) {
      throw new WaybillError(
        'destination-type-unknown',
        'refused',
        `This deployment delivers no events to "${delivery.type}".`,
      );
    }
    const secret = await this.vault.get(context, account.secretRef);
    return connector.openEventSink(
      {
        scope: { tenant: stream.tenant, sandbox: stream.sandbox },
        accountId,
        method: account.method,
        authentication: { ...account.authentication, ...secret.reveal() },
        findings: { ...account.findings, ...delivery.findings },
      },
      target,
      { allowPrivateNetworks: this.configuration.allowPrivateNetworks, signal },
    );
  }
}
