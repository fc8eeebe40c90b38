import { canonicalJson } from '@waybill/kernel';
import type { DestinationTypeEvent, Listing } from './events.js';
import type { DestinationTypeState } from './state.js';

/** Tell what the connector says today; only a difference is recorded. */
export interface ListDestinationType {
  readonly type: 'ListDestinationType';
  readonly listing: Listing;
}
/** The code no longer has the connector. */
export interface RetireDestinationType {
  readonly type: 'RetireDestinationType';
}
export type DestinationTypeCommand = ListDestinationType | RetireDestinationType;

export const decide = (
  command: DestinationTypeCommand,
  state: DestinationTypeState,
): readonly DestinationTypeEvent[] => {
  switch (command.type) {
    case 'ListDestinationType': {
      if (state.status === 'none') return [{ type: 'DestinationTypeListed', data: command.listing }];
      const isSame = canonicalJson(state.listing) === canonicalJson(command.listing);
      return isSame ? [] : [{ type: 'DestinationTypeRevised', data: command.listing }];
    }
    case 'RetireDestinationType':
      return state.status === 'none' ? [] : [{ type: 'DestinationTypeRetired', data: { type: state.listing.type } }];
  }
};
