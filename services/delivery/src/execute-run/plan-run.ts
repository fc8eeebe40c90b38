import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, DescribeAccount, DescribeDelivery, DescribeSegments, extensionOf, fileNameOf, WatermarkNow } from '@waybill/contracts';
import { connectorFor } from '@waybill/connectors';
import { type CommandContext, type Scope, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { DATABASE, SERVICE, type Service } from '@waybill/service-kit';
import type { CredentialsInUse, Plan, Run } from '../run/index.js';

type Account = AnswerOf<typeof DescribeAccount>;

/** The account as it is now: what a run works with at the partner, and for whom it encrypts. */
export interface AccountInUse {
  readonly account: Account;
  readonly credentials: CredentialsInUse;
}

/** Settles what a run delivers, where, and under which names, by asking the owners of each fact. */
@Injectable()
export class Planner {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  async accountOf(accountId: string, context: CommandContext): Promise<AccountInUse> {
    const account = await this.service.ask(DescribeAccount, { accountId }, context);
    const { secretRef, credentialsFingerprint, encryptionKey } = account;
    return { account, credentials: { secretRef, credentialsFingerprint, keyFingerprint: encryptionKey?.fingerprint ?? null } };
  }

  /** What the proof of the target found is asked for anew by each attempt: the target of a plan does not change. */
  async findingsOf(destinationId: string, context: CommandContext): Promise<Account['findings']> {
    const { findings } = await this.service.ask(DescribeDelivery, { destinationId }, context);
    return findings;
  }

  async plan(run: Run, context: CommandContext): Promise<{ readonly plan: Plan } & AccountInUse> {
    const { destinationId, segmentId } = run;
    const delivery = await this.service.ask(DescribeDelivery, { destinationId }, context);
    const activation = delivery.activations.find((active) => active.segmentId === segmentId);
    if (delivery.status !== 'enabled') throw superseded('the destination is disabled');
    if (!activation || delivery.files === null) throw superseded(`the segment "${segmentId}" is no longer activated`);
    const inUse = await this.accountOf(delivery.accountId, context);
    const { segments } = await this.service.ask(DescribeSegments, { segmentIds: [segmentId] }, context);
    const known = segments[0];
    if (!known?.exists) throw superseded(`the segment "${segmentId}" does not exist any more`);
    const segment = { id: segmentId, name: known.name ?? segmentId };
    const { watermark } = await this.service.ask(WatermarkNow, {}, context);
    const destination = { id: destinationId, name: delivery.name, type: delivery.type };
    const at = run.trigger.kind === 'schedule' ? run.trigger.slot : run.requestedAt;
    const plan: Plan = {
      plannedAt: context.at,
      destination,
      accountId: delivery.accountId,
      segment,
      marketingActions: delivery.marketingActions,
      target: delivery.target,
      mapping: delivery.mapping,
      files: delivery.files,
      watermark,
      previous: await this.previous(run, context),
      folder: connectorFor(delivery.type)?.spec.folderOf?.(delivery.target, segment) ?? '',
      fileName: fileNameOf(activation.fileName, { scope: context, destination, segment })(at),
      extension: extensionOf(delivery.files, inUse.credentials.keyFingerprint !== null),
      members: known.members,
    };
    return { plan, ...inUse };
  }

  /** Runs of one segment at one destination follow each other, so the last completed one is known for good. */
  private async previous({ destinationId, segmentId }: Run, { tenant, sandbox }: Scope): Promise<Plan['previous']> {
    const { rows } = await this.database.pool.query<{ state: Run }>(
      `select state from runs
       where state->>'destinationId' = $1 and state->>'segmentId' = $2 and tenant = $3 and sandbox = $4
         and state->>'status' = 'completed'
       order by state->>'finishedAt' desc limit 1`,
      [destinationId, segmentId, tenant, sandbox],
    );
    const last = rows[0]?.state;
    if (!last?.plan) return null;
    const { manifest } = last;
    return {
      runId: last.runId,
      watermark: last.plan.watermark,
      manifest: manifest?.published ? { name: manifest.path.slice(manifest.path.lastIndexOf('/') + 1), sha256: manifest.sha256 } : null,
    };
  }
}

/** What the run was for is gone: that is a cancellation, not a failure. */
export const RUN_SUPERSEDED = 'run-superseded';

const superseded = (why: string) => new WaybillError(RUN_SUPERSEDED, 'conflict', `There is nothing to export: ${why}.`);
