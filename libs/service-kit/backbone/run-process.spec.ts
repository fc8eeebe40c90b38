import { WaybillError } from '@waybill/kernel';
import { whyNotStarted } from './run-process.js';

describe('why a process did not start', () => {
  it('is told with what was met in the end, which clients do not hear', () => {
    const met = new Error('gave up', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9092') });
    const away = new WaybillError('messaging-unavailable', 'unavailable', 'The message bus does not answer.', {
      cause: met,
    });
    expect(whyNotStarted(away)).toBe('The message bus does not answer. (connect ECONNREFUSED 127.0.0.1:9092)');
    expect(whyNotStarted(new WaybillError('topic-unknown', 'internal', 'Nobody declared it.'))).toBe(
      'Nobody declared it.',
    );
    expect(whyNotStarted('nothing')).toBe('nothing');
  });
});
