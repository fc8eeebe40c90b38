import { Module } from '@nestjs/common';
import { provideService } from '@waybill/service-kit';
import { audienceTables } from './audience-tables.js';
import { TakeDefineSegment } from './define-segment/define-segment.message.js';
import { DefineSegmentHandler, DefineSegmentRoute } from './define-segment/define-segment.js';
import { AnswerDescribeSegments, AnswerWatermarkNow } from './describe-segments/describe-segments.js';
import { FollowSegments } from './follow-segments/follow-segments.js';
import { ForgetChanges } from './forget-changes/forget-changes.js';
import { GrantExport } from './export-view/grant-export.js';
import { ListSegmentsRoute, segmentsProjection } from './list-segments/list-segments.route.js';
import { LoadMembersRoute } from './load-members/load-members.route.js';
import { LoadRecorder } from './load-members/load-recorder.js';
import { segmentPublications } from './publish/publish.js';
import { TakeReportedMemberships } from './report-memberships/report-memberships.js';
import { Segments } from './segments.js';
import { ProfileRoute } from './show-profile/show-profile.route.js';

@Module({
  controllers: [DefineSegmentRoute, ListSegmentsRoute, LoadMembersRoute, ProfileRoute],
  providers: [
    ...provideService(
      {
        name: 'audience',
        projections: [segmentsProjection],
        publications: [segmentPublications],
        migrations: audienceTables,
      },
      {
        listeners: [TakeReportedMemberships, FollowSegments],
        answerers: [AnswerDescribeSegments, AnswerWatermarkNow, TakeDefineSegment],
        workers: [GrantExport, LoadRecorder, ForgetChanges],
      },
    ),
    Segments,
    DefineSegmentHandler,
  ],
})
export class AudienceModule {}
