import { runProcess } from '@waybill/service-kit';
import { DeliveryModule } from './delivery.module.js';

await runProcess('waybill delivery', [DeliveryModule]);
