import { Module } from '@nestjs/common';
import { provideService } from '@waybill/service-kit';
import { BrowseCatalogRoute } from './browse-catalog/browse-catalog.route.js';
import { AnswerCheckMarketingActions } from './check-marketing-actions/check-marketing-actions.js';
import { connectionMigrations, Connections } from './connections/connections.js';
import { DefineMarketingActionHandler } from './define-marketing-action/define-marketing-action.js';
import { DefineMarketingActionRoute } from './define-marketing-action/define-marketing-action.route.js';
import {
  ListMarketingActionsRoute,
  marketingActionsProjection,
} from './list-marketing-actions/list-marketing-actions.route.js';
import { MarketingActions } from './list-marketing-actions/marketing-actions.js';
import { destinationTypePublications, marketingActionPublications } from './publish/publish.js';
import { RecordDestinationTypes } from './record-destination-types/record-destination-types.js';
import {
  RemoveMarketingActionHandler,
  SettleMarketingActionRemoval,
} from './remove-marketing-action/remove-marketing-action.js';
import { RemoveMarketingActionRoute } from './remove-marketing-action/remove-marketing-action.route.js';
import { ReviseMarketingActionHandler } from './revise-marketing-action/revise-marketing-action.js';
import { ReviseMarketingActionRoute } from './revise-marketing-action/revise-marketing-action.route.js';
import { Feed, feedMigrations } from './watch-events/feed.js';
import { WatchEventsRoute } from './watch-events/watch-events.route.js';

@Module({
  controllers: [
    BrowseCatalogRoute,
    ListMarketingActionsRoute,
    DefineMarketingActionRoute,
    ReviseMarketingActionRoute,
    RemoveMarketingActionRoute,
    WatchEventsRoute,
  ],
  providers: [
    ...provideService(
      {
        name: 'catalog',
        projections: [marketingActionsProjection],
        publications: [marketingActionPublications, destinationTypePublications],
        migrations: [...connectionMigrations, ...feedMigrations],
      },
      {
        listeners: [Connections, SettleMarketingActionRemoval, Feed],
        answerers: [AnswerCheckMarketingActions],
        workers: [RecordDestinationTypes, Feed],
      },
    ),
    MarketingActions,
    DefineMarketingActionHandler,
    ReviseMarketingActionHandler,
    RemoveMarketingActionHandler,
  ],
})
export class CatalogModule {}
