import { runProcess } from '@waybill/service-kit';
import { AccountModule } from './account.module.js';

await runProcess('waybill account', [AccountModule]);
