import { runProcess } from '@waybill/service-kit';
import { CatalogModule } from './catalog.module.js';

await runProcess('waybill catalog', [CatalogModule]);
