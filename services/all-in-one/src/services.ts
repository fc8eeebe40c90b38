import { AccountModule } from '@waybill/account';
import { AudienceModule } from '@waybill/audience';
import { CatalogModule } from '@waybill/catalog';
import { DeliveryModule } from '@waybill/delivery';
import { DestinationModule } from '@waybill/destination';
import { ValidationModule } from '@waybill/validation';

/** Every service, in one process: the same modules that run as processes of their own. */
export const services = [
  CatalogModule,
  AccountModule,
  ValidationModule,
  DestinationModule,
  AudienceModule,
  DeliveryModule,
];
