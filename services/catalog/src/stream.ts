import type { StreamType } from '@waybill/event-store';
import { idFrom, type Scope, streamName } from '@waybill/kernel';
import {
  DESTINATION_TYPE,
  type DestinationTypeCommand,
  destinationTypeDecider,
  type DestinationTypeEvent,
  type DestinationTypeState,
} from './destination-type/index.js';
import {
  MARKETING_ACTION,
  type MarketingActionCommand,
  marketingActionDecider,
  type MarketingActionEvent,
  type MarketingActionState,
} from './marketing-action/index.js';

export const marketingActionStream: StreamType<MarketingActionState, MarketingActionCommand, MarketingActionEvent> = {
  category: MARKETING_ACTION,
  decider: marketingActionDecider,
};

/** A name is a tenant's own; whatever its case, it is one action. */
export const marketingActionStreamOf = ({ tenant, sandbox }: Scope, name: string): string =>
  streamName(MARKETING_ACTION, idFrom('marketing-action', tenant, sandbox, name.toLowerCase()));

export const destinationTypeStream: StreamType<DestinationTypeState, DestinationTypeCommand, DestinationTypeEvent> = {
  category: DESTINATION_TYPE,
  decider: destinationTypeDecider,
};

export const destinationTypeStreamOf = (type: string): string =>
  streamName(DESTINATION_TYPE, idFrom('destination-type', type));
