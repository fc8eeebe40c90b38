import { DescribeValidation } from '@waybill/contracts';
import type { CommandContext } from '@waybill/kernel';
import type { Service } from '../service/service.js';
import { Outcome } from './outcome.js';
import type { PendingValidationView, ValidationView } from './validation.view.js';

/** What became of a proof that was asked for: 201 with its report, also when that says no; 202 when the caller's time is over first. */
export const validationOutcome = async (
  service: Service,
  { id, subject }: Pick<ValidationView, 'id' | 'subject'>,
  context: CommandContext,
  waitMs: number,
): Promise<Outcome<ValidationView | PendingValidationView>> => {
  const location = `/v1/validations/${id}`;
  const isOver = ({ outcome }: { readonly outcome: string }) => outcome !== 'pending';
  const report = await service.askUntil(DescribeValidation, { validationId: id }, context, isOver, waitMs);
  if (!report) return new Outcome({ id, outcome: 'pending' }, { status: 202, location });
  const { outcome, startedAt, finishedAt, checks } = report;
  return new Outcome({ id, subject, outcome, startedAt, finishedAt, checks }, { status: 201, location });
};
