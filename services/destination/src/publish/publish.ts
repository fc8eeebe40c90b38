import * as contracts from '@waybill/contracts';
import { idOf, type RecordedEvent } from '@waybill/kernel';
import { as, type Publications } from '@waybill/service-kit';
import type { Destination, DestinationEvent } from '../destination/index.js';
import { destinationStream, requestStream } from '../stream.js';

type Recorded<Type extends DestinationEvent['type']> = RecordedEvent<Extract<DestinationEvent, { type: Type }>>;

const about = ({ stream, revision }: RecordedEvent) => ({ destinationId: idOf(stream), revision });

/** Which events of destinations leave the service, and how they look outside. */
export const destinationPublications: Publications = {
  streamType: destinationStream,
  byEvent: {
    DestinationCreated: as(contracts.DestinationCreated, (event: Recorded<'DestinationCreated'>) => ({
      ...event.data,
      ...about(event),
    })),
    DestinationRevised: as(contracts.DestinationRevised, (event: Recorded<'DestinationRevised'>) => ({
      ...event.data,
      ...about(event),
    })),
    TargetChanged: as(contracts.TargetChanged, (event: Recorded<'TargetChanged'>) => about(event)),
    MarketingActionsChanged: as(contracts.MarketingActionsChanged, (event: Recorded<'MarketingActionsChanged'>) => ({
      ...about(event),
      marketingActions: event.data.marketingActions,
    })),
    SegmentActivated: as(
      contracts.SegmentActivated,
      (event: Recorded<'SegmentActivated'>, { delivers }: Destination) => ({
        ...event.data,
        ...about(event),
        delivers,
      }),
    ),
    ScheduleChanged: as(contracts.ScheduleChanged, (event: Recorded<'ScheduleChanged'>) => ({
      ...event.data,
      ...about(event),
    })),
    SegmentDeactivated: as(contracts.SegmentDeactivated, (event: Recorded<'SegmentDeactivated'>) => ({
      ...event.data,
      ...about(event),
    })),
    MappingChanged: as(contracts.MappingChanged, (event: Recorded<'MappingChanged'>) => ({
      ...about(event),
      mappingRevision: event.data.revision,
    })),
    DestinationDisabled: as(contracts.DestinationDisabled, (event: Recorded<'DestinationDisabled'>) => about(event)),
    DestinationEnabled: as(contracts.DestinationEnabled, (event: Recorded<'DestinationEnabled'>) => ({
      ...event.data,
      ...about(event),
    })),
    DestinationDeleted: as(
      contracts.DestinationDeleted,
      (event: Recorded<'DestinationDeleted'>, { accountId, type }: Destination) => ({
        ...about(event),
        accountId,
        type,
      }),
    ),
  },
};

const aboutRequest = ({ stream, revision }: RecordedEvent) => ({ requestId: idOf(stream), revision });

/** Told to the service itself, which pursues them. */
export const requestPublications: Publications = {
  streamType: requestStream,
  byEvent: {
    DestinationRequestOpened: as(
      contracts.DestinationRequestOpened,
      (event: RecordedEvent, { destinationId }: { readonly destinationId: string }) => ({
        ...aboutRequest(event),
        destinationId,
      }),
    ),
    TargetProofRequested: as(contracts.TargetProofRequested, (event: RecordedEvent) => aboutRequest(event)),
  },
};
