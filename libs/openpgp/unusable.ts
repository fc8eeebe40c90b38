import { WaybillError } from '@waybill/kernel';

/** `reason` says what is wrong with the key and what to do. */
export const unusable = (reason: string): WaybillError =>
  new WaybillError('encryption-key-unusable', 'refused', reason);
