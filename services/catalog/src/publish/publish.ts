import {
  DestinationTypeListed,
  DestinationTypeRetired,
  DestinationTypeRevised,
  MarketingActionDefined,
  MarketingActionRemovalRequested,
  MarketingActionRemoved,
  MarketingActionRevised,
} from '@waybill/contracts';
import type { RecordedEvent } from '@waybill/kernel';
import { as, type Publications } from '@waybill/service-kit';
import type { DestinationTypeEvent } from '../destination-type/index.js';
import type { MarketingActionEvent } from '../marketing-action/index.js';
import { destinationTypeStream, marketingActionStream } from '../stream.js';

type Action<Type extends MarketingActionEvent['type']> = RecordedEvent<Extract<MarketingActionEvent, { type: Type }>>;
type Listed<Type extends DestinationTypeEvent['type']> = RecordedEvent<Extract<DestinationTypeEvent, { type: Type }>>;

const of = <Data extends object>({ data, revision }: { readonly data: Data; readonly revision: number }) => ({
  ...data,
  revision,
});

export const marketingActionPublications: Publications = {
  streamType: marketingActionStream,
  byEvent: {
    MarketingActionDefined: as(MarketingActionDefined, (event: Action<'MarketingActionDefined'>) => of(event)),
    MarketingActionRevised: as(MarketingActionRevised, (event: Action<'MarketingActionRevised'>) => of(event)),
    MarketingActionRemovalRequested: as(
      MarketingActionRemovalRequested,
      (event: Action<'MarketingActionRemovalRequested'>) => of(event),
    ),
    MarketingActionRemoved: as(MarketingActionRemoved, (event: Action<'MarketingActionRemoved'>) => of(event)),
  },
};

export const destinationTypePublications: Publications = {
  streamType: destinationTypeStream,
  byEvent: {
    DestinationTypeListed: as(DestinationTypeListed, (event: Listed<'DestinationTypeListed'>) => of(event)),
    DestinationTypeRevised: as(DestinationTypeRevised, (event: Listed<'DestinationTypeRevised'>) => of(event)),
    DestinationTypeRetired: as(DestinationTypeRetired, (event: Listed<'DestinationTypeRetired'>) => of(event)),
  },
};
