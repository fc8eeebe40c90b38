export { DeliveryModule } from './delivery.module.js';
export * from './rows/index.js';
export * from './stream-source/index.js';
export * from './send-events/destination-sender.js';
export * from './send-events/limits.js';
export type { Feed, FeedPage } from './send-events/feed.js';
