import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, DescribeSegments, readMessage, WatermarkNow } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import { type Answerer, DATABASE } from '@waybill/service-kit';
import { Segments, segmentView } from '../segments.js';
import { lastChange } from '../store/changes.js';
import { countsOf } from '../store/segment-counts.js';

/** Names and sizes, fresh: names from the log, sizes from the tables. */
@Injectable()
export class AnswerDescribeSegments implements Answerer {
  readonly answers = DescribeSegments.type;

  constructor(
    @Inject(Segments) private readonly segments: Segments,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof DescribeSegments>> {
    const { segmentIds } = readMessage(DescribeSegments, message.data);
    const counts = await countsOf(this.database, message, segmentIds);
    return {
      segments: await Promise.all(
        segmentIds.map(async (segmentId) => {
          const { state, revision, createdAt } = await this.segments.load(message, segmentId);
          const known = counts.get(segmentId);
          if (state.status !== 'defined') return { segmentId, exists: false, name: null, members: known?.members ?? 0 };
          const { name, members, updatedAt } = segmentView(state, { revision, changedAt: createdAt }, known);
          return { segmentId, exists: true, name, members, createdAt, updatedAt };
        }),
      ),
    };
  }
}

/** Up to where everything is committed. */
@Injectable()
export class AnswerWatermarkNow implements Answerer {
  readonly answers = WatermarkNow.type;

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof WatermarkNow>> {
    return { watermark: String(await lastChange(this.database, message)) };
  }
}
