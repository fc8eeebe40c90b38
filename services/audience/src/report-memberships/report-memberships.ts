import { Inject, Injectable } from '@nestjs/common';
import { type DataOf, MembershipReported, readMessage } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Listener } from '@waybill/service-kit';
import { applyMemberships } from '../members/apply-memberships.js';
import { Segments } from '../segments.js';
import { gather } from './gather.js';

interface Reported {
  readonly scope: Scope;
  readonly report: DataOf<typeof MembershipReported>;
}

/** Reports of a partition at once; and partitions that share a transaction, which holds up every other change of a sandbox. */
const AT_ONCE = 500;
const PARTITIONS_AT_ONCE = 4;
/** Segments that are remembered to exist, so that their stream is not read for each report. */
const MANY = 10_000;

/** Takes in what other systems publish of memberships; of two reports of one the later `at` wins, so a second delivery changes nothing. */
@Injectable()
export class TakeReportedMemberships implements Listener {
  readonly listensTo = [MembershipReported.type];
  /** Never forgets too late: a segment that was made stays. */
  private readonly existing = new Set<string>();
  readonly together = { atMost: AT_ONCE, handler: (messages: readonly ReceivedMessage[]) => this.take(messages) };
  private readonly apply = gather<readonly Reported[]>((handed) => this.applyAll(handed.flat()), PARTITIONS_AT_ONCE);

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Segments) private readonly segments: Pick<Segments, 'existing'>,
  ) {}

  receive(message: ReceivedMessage): Promise<void> {
    return this.take([message]);
  }

  private async take(messages: readonly ReceivedMessage[]): Promise<void> {
    const reported = messages
      .filter(({ type }) => this.listensTo.includes(type))
      .map(({ tenant, sandbox, data }): Reported => ({
        scope: { tenant, sandbox },
        report: readMessage(MembershipReported, data),
      }));
    for (const { scope, report } of reported) await this.mustExist(scope, report.segmentId);
    await this.apply(reported);
  }

  private async mustExist(scope: Scope, segmentId: string): Promise<void> {
    const segment = JSON.stringify([scope.tenant, scope.sandbox, segmentId]);
    if (this.existing.has(segment)) return;
    await this.segments.existing(scope, segmentId);
    if (this.existing.size >= MANY) this.existing.clear();
    this.existing.add(segment);
  }

  private async applyAll(reported: readonly Reported[]): Promise<void> {
    const byScope = Map.groupBy(reported, ({ scope }) => JSON.stringify([scope.tenant, scope.sandbox]));
    for (const ofScope of byScope.values()) {
      const reports = ofScope.map(({ report }) => report);
      await applyMemberships(this.database, ofScope[0]!.scope, reports);
    }
  }
}
