import { WaybillError } from '@waybill/kernel';

export const DEFAULT_PAGE = 500;
const LARGEST_PAGE = 10_000;

export const checkPageSize = (max: number): void => {
  if (Number.isInteger(max) && max >= 1 && max <= LARGEST_PAGE) return;
  throw new WaybillError('page-size-malformed', 'malformed', `A page holds 1 to ${LARGEST_PAGE} events, not ${max}.`);
};
