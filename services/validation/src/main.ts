import { runProcess } from '@waybill/service-kit';
import { ValidationModule } from './validation.module.js';

await runProcess('waybill validation', [ValidationModule]);
