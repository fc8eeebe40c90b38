import type { AnswerOf, DescribeDelivery } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';

/** Throws `destination-disabled` (conflict): nothing is sent on request to a destination that is switched off. */
export const refuseWhenDisabled = ({ status }: AnswerOf<typeof DescribeDelivery>): void => {
  if (status === 'enabled') return;
  throw new WaybillError(
    'destination-disabled',
    'conflict',
    'The destination is disabled. Enable it first (POST …/enable).',
  );
};
