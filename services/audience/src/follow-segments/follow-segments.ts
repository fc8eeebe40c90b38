import { Inject, Injectable } from '@nestjs/common';
import { DestinationDeleted, readMessage, SegmentActivated, SegmentDeactivated } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Listener } from '@waybill/service-kit';
import { followSegment, unfollowSegments } from './followed.js';

/** Hears which segments streams have active, so that changes are recorded for these and for no others. */
@Injectable()
export class FollowSegments implements Listener {
  readonly listensTo = [SegmentActivated.type, SegmentDeactivated.type, DestinationDeleted.type];

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async receive(message: ReceivedMessage): Promise<void> {
    switch (message.type) {
      case SegmentActivated.type: {
        const { delivers, ...activation } = readMessage(SegmentActivated, message.data);
        if (delivers === 'events') await followSegment(this.database, message, activation);
        return;
      }
      case SegmentDeactivated.type:
        return unfollowSegments(this.database, readMessage(SegmentDeactivated, message.data));
      case DestinationDeleted.type:
        return unfollowSegments(this.database, readMessage(DestinationDeleted, message.data));
    }
  }
}
