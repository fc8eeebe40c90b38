import { WaybillError } from '@waybill/kernel';
import { MAX_MESSAGE_BYTES } from './port.js';

/** The errors that every adapter answers with (port.ts names them). */
export const messagingUnavailable = (cause: unknown): WaybillError =>
  new WaybillError('messaging-unavailable', 'unavailable', 'The message bus does not answer; try again shortly.', {
    retryAfterSeconds: 2,
    cause,
  });

export const topicUnknown = (topic: string, remedy = 'declare it with ensureTopics first'): WaybillError =>
  new WaybillError('topic-unknown', 'internal', `Nobody declared the topic ${topic}; ${remedy}.`);

export const topicDiffers = (topic: string, existing: number | undefined, wanted: number): WaybillError =>
  new WaybillError(
    'topic-differs',
    'internal',
    `The topic ${topic} has ${existing} partition(s) and was declared with ${wanted}. Its keys keep their order only if the ` +
      'number stays: declare it with the number it has, or take a new name.',
  );

export const messageTooLarge = (topic: string, type: string, bytes: number): WaybillError =>
  new WaybillError(
    'message-too-large',
    'too-large',
    `A ${type} for ${topic} has ${bytes} bytes; ${MAX_MESSAGE_BYTES} are allowed.`,
  );
