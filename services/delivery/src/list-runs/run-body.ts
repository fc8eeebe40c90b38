import { errorOf } from '@waybill/contracts';
import { problemOf } from '@waybill/service-kit';
import { type Run, viewOfRun } from '../run/index.js';

/** A run in an answer: why it failed is told as any other problem is. */
export const bodyOfRun = (run: Run) => {
  const { failure, ...view } = viewOfRun(run);
  return { ...view, ...(failure && { failure: problemOf(errorOf(failure), `/v1/runs/${run.runId}`) }) };
};
