export { DestinationModule } from './destination.module.js';
