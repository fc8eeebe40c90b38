import { WaybillError } from '@waybill/kernel';
import type { Runs } from '../list-runs/runs.js';
import { RunExecutor } from './run-executor.js';

const scope = { tenant: 't', sandbox: 's' };
const executorWith = (runs: Partial<Runs>): RunExecutor => {
  const unused = undefined as never;
  const existing = () => Promise.resolve({ correlationId: 'asked-for' } as never);
  return new RunExecutor({ existing, ...runs } as Runs, unused, unused, unused, unused, unused, unused, unused, unused);
};

describe('an attempt at a run that cannot begin', () => {
  it('tells what is away, and records nothing of the run', async () => {
    const steps: string[] = [];
    const executor = executorWith({
      step: async (_, __, { type }) => {
        steps.push(type);
        throw new WaybillError('database-unavailable', 'unavailable', 'The database does not answer.');
      },
    });
    const attempt = executor.execute('one', scope, 'ada', new AbortController().signal);
    await expect(attempt).rejects.toMatchObject({ slug: 'database-unavailable' });
    expect(steps).toEqual(['StartRun']);
  });

  it('is left to the one that has begun it meanwhile', async () => {
    const executor = executorWith({
      step: async () => {
        throw new WaybillError('run-ended', 'conflict', 'The run has ended.');
      },
    });
    await executor.execute('one', scope, 'ada', new AbortController().signal);
  });
});
