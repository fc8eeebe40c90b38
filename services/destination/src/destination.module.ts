import { Module } from '@nestjs/common';
import { provideService } from '@waybill/service-kit';
import { TakeActivateSegment, TakeDeactivateSegment } from './activate-segment/activate-segment.message.js';
import { ActivateSegmentHandler } from './activate-segment/activate-segment.js';
import { ActivateSegmentRoute } from './activate-segment/activate-segment.route.js';
import { ChangeDestinationHandler } from './change-destination.js';
import { TakeChangeMapping } from './change-mapping/change-mapping.message.js';
import { ChangeMappingRoute } from './change-mapping/change-mapping.route.js';
import {
  ChangeMarketingActionsHandler,
  ChangeMarketingActionsRoute,
} from './change-marketing-actions/change-marketing-actions.js';
import { ChangeTargetHandler, ChangeTargetRoute } from './change-target/change-target.js';
import { CreateDestinationHandler } from './create-destination/create-destination.js';
import { CreateDestinationRoute } from './create-destination/create-destination.route.js';
import { DeleteDestinationRoute } from './delete-destination/delete-destination.route.js';
import { AnswerDescribeDelivery } from './describe-delivery/describe-delivery.js';
import { destinationsProjection, ListDestinationsRoute } from './list-destinations/list-destinations.route.js';
import {
  AnswerUsesOfAccount,
  AnswerUsesOfMarketingAction,
  requestsProjection,
  UseFinder,
} from './list-uses/list-uses.js';
import { destinationPublications, requestPublications } from './publish/publish.js';
import { PursueRequest } from './pursue-request/pursue-request.js';
import { ReviseDestinationRoute } from './revise-destination/revise-destination.route.js';
import { ShowEventSchemaRoute } from './show-event-schema/show-event-schema.route.js';
import { ShowHistoryRoute } from './show-history/show-history.route.js';
import { TakeDisableDestination, TakeEnableDestination } from './switch-destination/switch-destination.message.js';
import { SwitchDestinationRoute } from './switch-destination/switch-destination.route.js';
import { ValidateTargetRoute } from './validate-target/validate-target.route.js';
import { Destinations } from './view/destinations.js';

@Module({
  controllers: [
    CreateDestinationRoute,
    ListDestinationsRoute,
    ShowHistoryRoute,
    ReviseDestinationRoute,
    ChangeMarketingActionsRoute,
    ChangeTargetRoute,
    ValidateTargetRoute,
    SwitchDestinationRoute,
    DeleteDestinationRoute,
    ChangeMappingRoute,
    ActivateSegmentRoute,
    ShowEventSchemaRoute,
  ],
  providers: [
    ...provideService(
      {
        name: 'destination',
        projections: [destinationsProjection, requestsProjection],
        publications: [destinationPublications, requestPublications],
      },
      {
        listeners: [PursueRequest],
        answerers: [
          AnswerDescribeDelivery,
          AnswerUsesOfAccount,
          AnswerUsesOfMarketingAction,
          TakeActivateSegment,
          TakeDeactivateSegment,
          TakeChangeMapping,
          TakeEnableDestination,
          TakeDisableDestination,
        ],
      },
    ),
    Destinations,
    UseFinder,
    CreateDestinationHandler,
    ChangeDestinationHandler,
    ChangeMarketingActionsHandler,
    ChangeTargetHandler,
    ActivateSegmentHandler,
  ],
})
export class DestinationModule {}
