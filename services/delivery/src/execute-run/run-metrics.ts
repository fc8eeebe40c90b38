import { Counter } from 'prom-client';
import type { Run } from '../run/index.js';

const attempts = new Counter({
  name: 'waybill_run_attempts_total',
  help: 'Attempts at runs of files, by how they ended: completed, failed, cancelled, or handed over to another attempt.',
  labelNames: ['type', 'outcome', 'problem'],
});
const retries = new Counter({
  name: 'waybill_run_retries_total',
  help: 'Steps of runs that were tried again since the partner or a part of ours did not answer.',
  labelNames: ['problem'],
});
const takes = new Counter({
  name: 'waybill_part_takes_total',
  help: 'Parts of runs that this process took to stage: staged, failed, or refused since another has taken them meanwhile.',
  labelNames: ['outcome'],
});
const delivered = {
  files: new Counter({
    name: 'waybill_delivered_files_total',
    help: 'Files with rows that got their final names.',
    labelNames: ['type'],
  }),
  rows: new Counter({ name: 'waybill_delivered_rows_total', help: 'Rows in them.', labelNames: ['type'] }),
  bytes: new Counter({ name: 'waybill_delivered_bytes_total', help: 'Bytes of them.', labelNames: ['type'] }),
};

const typeOf = (run: Run): string => run.plan?.destination.type ?? 'unplanned';

export const countAttempt = (run: Run): void => {
  const outcome = ['completed', 'failed', 'cancelled'].includes(run.status) ? run.status : 'handed-over';
  attempts.inc({ type: typeOf(run), outcome, problem: run.problem?.slug ?? '' });
};

export const countRetry = (slug: string): void => retries.inc({ problem: slug });

export const countTake = (outcome: 'staged' | 'failed' | 'refused'): void => takes.inc({ outcome });

export const countFile = (run: Run, number: number): void => {
  const part = run.parts.find((one) => one.part === number);
  if (!part) return;
  const type = typeOf(run);
  delivered.files.inc({ type });
  delivered.rows.inc({ type }, part.rows);
  delivered.bytes.inc({ type }, part.bytes);
};
