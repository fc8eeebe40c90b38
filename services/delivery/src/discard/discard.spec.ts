import { specOf } from '@waybill/event-store/decider-spec';
import { type DiscardCommand, discardDecider, type DiscardEvent } from './index.js';

const given = specOf(discardDecider);

const discard: DiscardCommand = {
  type: 'DiscardDeadLetters',
  discardId: 'x',
  destinationId: 'd',
  filter: { code: 'partition-key-missing', to: '2026-11-22T09:00:00.000Z' },
  deadLetters: 3,
};
const { type: _, ...data } = discard;
const discarded: DiscardEvent = { type: 'DeadLettersDiscarded', data };

it('Dead letters are discarded once, however often it is asked for', () => {
  given([]).when(discard).then([discarded]);
  given([discarded]).when(discard).thenNothing();
});
