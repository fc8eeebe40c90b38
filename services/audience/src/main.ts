import { runProcess } from '@waybill/service-kit';
import { AudienceModule } from './audience.module.js';

await runProcess('waybill audience', [AudienceModule]);
