import { runProcess } from '@waybill/service-kit';
import { DestinationModule } from './destination.module.js';

await runProcess('waybill destination', [DestinationModule]);
