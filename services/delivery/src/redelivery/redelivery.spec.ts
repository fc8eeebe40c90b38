import { specOf } from '@waybill/event-store/decider-spec';
import { type CompleteRedelivery, redeliveryDecider, type RedeliveryEvent, type RequestRedelivery } from './index.js';

const given = specOf(redeliveryDecider);

const request: RequestRedelivery = {
  type: 'RequestRedelivery',
  redeliveryId: 'r',
  destinationId: 'd',
  filter: { code: 'record-too-large' },
  deadLetters: 3,
};
const { type: _, ...data } = request;
const requested: RedeliveryEvent = { type: 'RedeliveryRequested', data };
const counts = { requested: 2, redelivered: 1, skipped: 0, failed: 1 };
const complete: CompleteRedelivery = { type: 'CompleteRedelivery', counts, at: '2026-11-22T09:00:00.000Z' };
const completed: RedeliveryEvent = { type: 'RedeliveryCompleted', data: { counts, finishedAt: complete.at } };

describe('A redelivery', () => {
  it('is requested once and completed once, however often it is asked for', () => {
    given([]).when(request).then([requested]);
    given([requested]).when(request).thenNothing();
    given([requested]).when(complete).then([completed]);
    given([requested, completed]).when(complete).thenNothing();
    given([requested, completed]).when(request).thenNothing();
  });

  it('that nobody asked for is not completed', () => {
    given([]).when(complete).thenRefuses('redelivery-not-found');
  });
});
