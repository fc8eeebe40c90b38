export { DeliveryModule } from './delivery.module.js';
export * from './rows/index.js';
