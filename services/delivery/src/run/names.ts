import { partName } from '@waybill/contracts';
import type { Plan } from './events.js';

/** The name of a part's file: a function of the plan, the part and its revision, so that a retry meets its own file. */
export const fileNameOfPart = (plan: Plan, part: number, revision: number): string =>
  partName(plan.fileName, { part, revision }, plan.extension);

export const manifestName = (destinationId: string, runId: string): string => `manifest-${destinationId}-${runId}.json`;
