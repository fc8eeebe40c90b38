import { runProcess } from '@waybill/service-kit';
import { services } from './services.js';

await runProcess('Waybill', services);
