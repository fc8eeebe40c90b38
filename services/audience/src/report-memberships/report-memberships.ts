import { Inject, Injectable } from '@nestjs/common';
import { MembershipReported, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Listener } from '@waybill/service-kit';
import { applyMemberships } from '../members/apply-memberships.js';
import { Segments } from '../segments.js';

/** Takes in what other systems publish of memberships; of two reports of one the later `at` wins, so a second delivery changes nothing. */
@Injectable()
export class TakeReportedMemberships implements Listener {
  readonly listensTo = [MembershipReported.type];

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Segments) private readonly segments: Segments,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const report = readMessage(MembershipReported, message.data);
    await this.segments.existing(message, report.segmentId);
    await applyMemberships(this.database, message, [report]);
  }
}
