import { specOf } from '@waybill/event-store/decider-spec';
import { type Load, segmentDecider, type SegmentEvent } from './index.js';

const defined: SegmentEvent = { type: 'SegmentDefined', data: { segmentId: 's', name: 'Loyal', description: '' } };
const load: Load = {
  mode: 'merge',
  received: 3,
  accepted: 2,
  entered: 2,
  exited: 0,
  unchanged: 0,
  rejected: 1,
  sha256: 'a'.repeat(64),
};
const given = specOf(segmentDecider);

describe('A segment', () => {
  it('is defined once', () => {
    given([]).when({ type: 'DefineSegment', segmentId: 's', name: 'Loyal' }).then([defined]);
  });

  it('is revised when something differs, and what is left out stays', () => {
    const described: SegmentEvent = {
      type: 'SegmentRevised',
      data: { segmentId: 's', name: 'Loyal', description: 'd' },
    };
    given([defined]).when({ type: 'DefineSegment', segmentId: 's', name: 'Loyal', description: 'd' }).then([described]);
    given([defined, described]).when({ type: 'DefineSegment', segmentId: 's', name: 'Loyal' }).thenNothing();
  });

  it('records each load, and only of a segment that is defined', () => {
    given([defined])
      .when({ type: 'RecordLoad', load })
      .then([{ type: 'SegmentLoaded', data: { segmentId: 's', ...load } }]);
    given([]).when({ type: 'RecordLoad', load }).thenNothing();
  });
});
