import { Inject, Injectable } from '@nestjs/common';
import { connectorFor, type FileSink } from '@waybill/connectors';
import { type CommandContext, WaybillError } from '@waybill/kernel';
import type { Vault } from '@waybill/secrets';
import { CONFIGURATION, type Configuration, VAULT } from '@waybill/service-kit';
import type { Plan } from '../run/index.js';
import { type AccountInUse, Planner } from './plan-run.js';
import { tracedSink } from './traced-sink.js';

/** Opens what files are written to at the partner of a run. */
@Injectable()
export class Partner {
  constructor(
    @Inject(Planner) private readonly planner: Planner,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  async openSink(
    plan: Plan,
    { account, credentials }: AccountInUse,
    context: CommandContext,
    signal: AbortSignal,
  ): Promise<FileSink> {
    const connector = connectorFor(plan.destination.type);
    if (!connector?.openFileSink) {
      throw new WaybillError(
        'destination-type-unknown',
        'refused',
        `This deployment delivers no files to "${plan.destination.type}".`,
      );
    }
    const { tenant, sandbox } = context;
    const findings = await this.planner.findingsOf(plan.destination.id, context);
    const secret = await this.vault.get({ tenant, sandbox }, credentials.secretRef);
    const sink = await connector.openFileSink(
      {
        scope: { tenant, sandbox },
        accountId: plan.accountId,
        method: account.method,
        authentication: { ...account.authentication, ...secret.reveal() },
        findings: { ...account.findings, ...findings },
      },
      plan.target,
      { allowPrivateNetworks: this.configuration.allowPrivateNetworks, signal },
    );
    return tracedSink(sink, plan.destination.type);
  }
}
