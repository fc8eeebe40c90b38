import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Connector, connectorFor, type Credentials, type Proof } from '@waybill/connectors';
import { idFrom, messageOf, newId, type Scope } from '@waybill/kernel';
import { acquireLease, type Database, endLease, keepLease } from '@waybill/postgres';
import type { Vault } from '@waybill/secrets';
import {
  CONFIGURATION,
  type Configuration,
  DATABASE,
  SERVICE,
  type Service,
  traced,
  VAULT,
  type Worker,
} from '@waybill/service-kit';
import { validationStream } from '../stream.js';
import type { Claim, ValidationState } from '../validation/index.js';
import { testRecordFor } from './test-record.js';

/** Partners' servers answer slowly at times; a proof that takes longer is reported as timed out by its own checks. */
const PROOF_MS = 60_000;
const LEASE_SECONDS = 15;
const SWEEP_MS = 2_000;
const AT_ONCE = 16;

/**
 * Proves what was requested against the live system. Each proof is held by a lease, so that one process does it; when that
 * process dies, another one (or the same, restarted) finds the request without a report and proves it again.
 */
@Injectable()
export class Prover implements Worker {
  private readonly log = new Logger('prover');
  private readonly owner = newId();
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private sweeping: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  start(): void {
    this.sweeping = setInterval(() => void this.sweep(), SWEEP_MS);
    void this.sweep();
  }

  async stop(): Promise<void> {
    clearInterval(this.sweeping);
    this.stopping.abort();
    await Promise.all(this.underWay.values());
  }

  /** Starts at once if there is room; else the next sweep finds it. */
  begin(stream: string, scope: Scope): void {
    if (this.underWay.has(stream) || this.underWay.size >= AT_ONCE || this.stopping.signal.aborted) return;
    const work = this.prove(stream, scope)
      .catch((error: unknown) => this.log.warn(`${stream} is proven again later: ${messageOf(error)}`))
      .finally(() => this.underWay.delete(stream));
    this.underWay.set(stream, work);
  }

  /** Requests without a report: from before a crash, or more than there was room for. */
  private async sweep(): Promise<void> {
    try {
      const { rows } = await this.database.pool.query<{ stream: string } & Scope>(
        `select stream, tenant, sandbox from validations where state->>'status' = 'requested' order by created_at limit $1`,
        [AT_ONCE],
      );
      for (const { stream, tenant, sandbox } of rows) this.begin(stream, { tenant, sandbox });
    } catch (error) {
      this.log.warn(`looking for open validations failed and is tried again: ${messageOf(error)}`);
    }
  }

  private async prove(stream: string, scope: Scope): Promise<void> {
    const lease = await acquireLease(this.database, stream, this.owner, LEASE_SECONDS);
    if (!lease) return;
    try {
      using kept = keepLease(this.database, lease, LEASE_SECONDS);
      const over = AbortSignal.any([this.stopping.signal, kept.lost]);
      const { state, createdBy, correlationId, traceparent } = await this.service.load(validationStream, stream, scope);
      if (state.status !== 'requested') return;
      const startedAt = new Date().toISOString();
      const proof = await traced(
        `prove ${state.claim.type}`,
        { kind: 'client', parent: traceparent, attributes: { 'peer.service': state.claim.type } },
        () => this.proofOf(state, scope, over),
      );
      if (over.aborted) return;
      const finishedAt = new Date().toISOString();
      // The same command however often the proof is repeated: the first report that is recorded counts.
      await this.service.execute(
        validationStream,
        stream,
        { type: 'RecordReport', startedAt, finishedAt, ...proof },
        {
          ...scope,
          commandId: idFrom(stream, 'report'),
          actor: createdBy,
          at: finishedAt,
          correlationId,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
      );
    } finally {
      await endLease(this.database, lease);
    }
  }

  private async proofOf(
    { validationId, claim }: Extract<ValidationState, { claim: Claim }>,
    scope: Scope,
    over: AbortSignal,
  ): Promise<Proof> {
    const connector: Connector | undefined = connectorFor(claim.type);
    if (!connector) throw new Error(`there is no connector for ${claim.type}`);
    const secret = await this.vault.get(scope, claim.secretRef);
    const credentials: Credentials = {
      scope,
      accountId: claim.subject.accountId,
      method: claim.method,
      authentication: { ...claim.authentication, ...secret.reveal() },
      findings: claim.findings,
    };
    const environment = {
      allowPrivateNetworks: this.configuration.allowPrivateNetworks,
      signal: AbortSignal.any([over, AbortSignal.timeout(PROOF_MS)]),
    };
    const { subject, target, testRecord = false } = claim;
    if (subject.kind === 'account' || !target) return connector.proveCredentials(credentials, environment);
    const record = testRecord ? testRecordFor(scope, subject.destinationId, validationId) : undefined;
    return connector.proveTarget(credentials, target, environment, record);
  }
}
