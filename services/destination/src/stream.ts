import type { StreamType } from '@waybill/event-store';
import { streamName } from '@waybill/kernel';
import {
  DESTINATION,
  type DestinationCommand,
  destinationDecider,
  type DestinationEvent,
  type DestinationState,
} from './destination/index.js';
import {
  DESTINATION_REQUEST,
  type DestinationRequestCommand,
  destinationRequestDecider,
  type DestinationRequestEvent,
  type DestinationRequestState,
} from './destination/request/index.js';

export const destinationStream: StreamType<DestinationState, DestinationCommand, DestinationEvent> = {
  category: DESTINATION,
  decider: destinationDecider,
};

export const requestStream: StreamType<DestinationRequestState, DestinationRequestCommand, DestinationRequestEvent> = {
  category: DESTINATION_REQUEST,
  decider: destinationRequestDecider,
};

export const destinationStreamOf = (destinationId: string): string => streamName(DESTINATION, destinationId);
export const requestStreamOf = (requestId: string): string => streamName(DESTINATION_REQUEST, requestId);
