export { DeliveryModule } from './delivery.module.js';
export * from './rows/index.js';
export * from './stream-source/index.js';
