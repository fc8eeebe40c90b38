import { specOf } from '@waybill/event-store/decider-spec';
import { type StreamRunEvent, streamRunDecider, type StartStreamRun } from './index.js';

const given = specOf(streamRunDecider);

const hour = { from: '2026-11-22T08:00:00.000Z', to: '2026-11-22T09:00:00.000Z' };
const start: StartStreamRun = {
  type: 'StartStreamRun',
  runId: 'r',
  destinationId: 'd',
  destinationName: 'Partner stream',
  segmentIds: ['s'],
  ...hour,
  at: '2026-11-22T08:00:01.000Z',
};
const { type: _, at, ...begun } = start;
const started: StreamRunEvent = { type: 'StreamRunStarted', data: { ...begun, startedAt: at } };
const counts = { read: 3, written: 2, skipped: 0, failed: 1, exited: 0 };
const progressed: StreamRunEvent = { type: 'StreamRunProgressed', data: { counts, segmentIds: ['s'] } };
const finishedAt = '2026-11-22T09:01:00.000Z';
const completed: StreamRunEvent = { type: 'StreamRunCompleted', data: { counts, finishedAt } };

describe('A run of a stream', () => {
  it('starts once an hour, however often it is asked to', () => {
    given([]).when(start).then([started]);
    given([started]).when(start).thenNothing();
  });

  it('tells summaries only when there is news, and keeps every segment of the hour', () => {
    given([started])
      .when({ type: 'ReportStreamRun', counts, segmentIds: ['s'] })
      .then([progressed]);
    given([started, progressed])
      .when({ type: 'ReportStreamRun', counts, segmentIds: ['s'] })
      .thenNothing();
    given([started, progressed])
      .when({ type: 'ReportStreamRun', counts, segmentIds: ['t'] })
      .then([{ type: 'StreamRunProgressed', data: { counts, segmentIds: ['s', 't'] } }]);
  });

  it('completes once, and tells nothing after that', () => {
    given([started]).when({ type: 'CompleteStreamRun', counts, at: finishedAt }).then([completed]);
    given([started, completed]).when({ type: 'CompleteStreamRun', counts, at: finishedAt }).thenNothing();
    given([started, completed])
      .when({ type: 'ReportStreamRun', counts, segmentIds: ['t'] })
      .thenNothing();
  });

  it('is nothing to tell of before it started', () => {
    given([]).when({ type: 'ReportStreamRun', counts, segmentIds: [] }).thenRefuses('run-not-found');
  });
});
