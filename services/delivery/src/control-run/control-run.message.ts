import { CancelRun, RetryRun } from '@waybill/contracts';
import { takeCommand } from '@waybill/service-kit';
import { ControlRun } from './control-run.js';

const take = (contract: typeof CancelRun | typeof RetryRun, wanted: 'cancel' | 'retry') =>
  takeCommand(contract, async (commands, { runId }, context) => {
    const { revision } = await commands.execute(new ControlRun(context, runId, wanted));
    return { runId, revision };
  });

export const TakeCancelRun = take(CancelRun, 'cancel');
export const TakeRetryRun = take(RetryRun, 'retry');
