import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, DescribeAccount, DescribeDelivery, DescribeSegments, WatermarkNow } from '@waybill/contracts';
import { connectorFor } from '@waybill/connectors';
import type { CommandContext, Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { DATABASE, SERVICE, type Service } from '@waybill/service-kit';
import { type CredentialsInUse, credentialsInUse, type Plan, planRun, type Run } from '../run/index.js';

type Account = AnswerOf<typeof DescribeAccount>;

/** For the read model of runs, such as while it is rebuilt; after that it is `unavailable`, and tried again. */
const WAIT_MS = 30_000;

/** The account as it is now: what an attempt works with at the partner, and for whom it encrypts. */
export interface AccountInUse {
  readonly account: Account;
  readonly credentials: CredentialsInUse;
}

/** Asks the owners of each fact that a run depends on. */
@Injectable()
export class Planner {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  async accountOf(accountId: string, context: CommandContext): Promise<AccountInUse> {
    const account = await this.service.ask(DescribeAccount, { accountId }, context);
    return { account, credentials: credentialsInUse(account) };
  }

  /** What the proof of the target found; each attempt asks anew, since credentials may have been rotated meanwhile. */
  async findingsOf(destinationId: string, context: CommandContext): Promise<Account['findings']> {
    const { findings } = await this.service.ask(DescribeDelivery, { destinationId }, context);
    return findings;
  }

  async plan(run: Run, context: CommandContext): Promise<{ readonly plan: Plan } & AccountInUse> {
    const { destinationId, segmentId } = run;
    const destination = await this.service.ask(DescribeDelivery, { destinationId }, context);
    const account = await this.service.ask(DescribeAccount, { accountId: destination.accountId }, context);
    const { segments } = await this.service.ask(DescribeSegments, { segmentIds: [segmentId] }, context);
    const segment = segments[0] ?? { segmentId, exists: false, name: null, members: 0 };
    const { watermark } = await this.service.ask(WatermarkNow, {}, context);
    const earlier = await this.earlierRuns(run, context);
    const { plan, credentials } = planRun({
      run,
      scope: context,
      destination,
      account,
      segment,
      watermark,
      previous: previousOf(earlier.find(({ segmentId: of, status }) => of === segmentId && status === 'completed')),
      folderOf: (of) => connectorFor(destination.type)?.spec.folderOf?.(destination.target, of) ?? '',
      runsNamed: (folder, fileName) =>
        earlier.filter((one) => one.plan?.folder === folder && one.plan.fileName === fileName).length,
      at: context.at,
    });
    return { plan, account, credentials };
  }

  /**
   * Planned runs of the destination, the last one to end first. Runs of one segment follow each other, so the last completed
   * one is known for good.
   */
  private async earlierRuns({ destinationId, runId }: Run, { tenant, sandbox }: Scope): Promise<readonly Run[]> {
    await this.service.readModelsReach('head', WAIT_MS); // one that is missed would be delivered twice, or begin anew
    const { rows } = await this.database.pool.query<{ state: Run }>(
      `select state from runs
       where state->>'destinationId' = $1 and state->>'runId' <> $2 and tenant = $3 and sandbox = $4
         and state->'plan' <> 'null'
       order by state->>'finishedAt' desc nulls last`,
      [destinationId, runId, tenant, sandbox],
    );
    return rows.map(({ state }) => state);
  }
}

const previousOf = (last: Run | undefined): Plan['previous'] => {
  if (!last?.plan) return null;
  const { runId, plan, manifest } = last;
  return {
    runId,
    watermark: plan.watermark,
    manifest: manifest?.published
      ? { name: manifest.path.slice(manifest.path.lastIndexOf('/') + 1), sha256: manifest.sha256 }
      : null,
  };
};
