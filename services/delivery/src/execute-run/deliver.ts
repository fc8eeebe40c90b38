import { type FileSink, pathIn, type StagedFile } from '@waybill/connectors';
import { isWaybillError, type Scope } from '@waybill/kernel';
import { manifestDocument } from '../manifest/index.js';
import { type AsideReason, fileNameOfPart, type Part, type Plan, type Run, type RunStep } from '../run/index.js';

/** The step without its attempt, which the worker adds. */
export type Step = RunStep extends infer One ? (One extends RunStep ? Omit<One, 'attempt'> : never) : never;

/** What a run is delivered with. Each `record` appends to the run's stream and answers how it stands then. */
export interface DeliveryTools {
  readonly scope: Scope;
  readonly sink: FileSink;
  readonly record: (step: Step) => Promise<Run>;
  /** Writes under a temporary name that belongs to the run. */
  readonly stage: (run: Run, path: string, content: AsyncIterable<Uint8Array>, what: string) => Promise<StagedFile>;
  /** Stages this part, the next of the run, or finds that there is not a single row. */
  readonly stagePart: (run: Run, part: number, path: string) => Promise<Step>;
  /** Throws when the run is to stop here: cancelled, or the process is going down. */
  readonly checkpoint: (run: Run) => void;
}

/**
 * Takes a planned run to its end, from wherever it stands: stage, publish, verify each part, then the manifest, last. Every
 * step is an event before the next begins, so a process that dies anywhere is followed by one that goes on there. What is
 * published is known by name, size and checksum, so a lost answer settles instead of delivering twice.
 */
export const deliver = async (start: Run, plan: Plan, tools: DeliveryTools): Promise<void> => {
  let run = start;
  for (;;) {
    tools.checkpoint(run);
    const part = run.parts.at(-1);
    if (part && !part.verification) run = await settlePart(run, part, tools);
    else if (part && !part.more) break;
    else if (run.nothing) break;
    else run = await stageNext(run, plan, tools);
  }
  if (plan.files.manifest) run = await deliverManifest(run, plan, tools);
  await tools.record({ type: 'CompleteRun', at: new Date().toISOString() });
};

const stageNext = (run: Run, plan: Plan, tools: DeliveryTools): Promise<Run> => {
  const part = run.parts.length + 1;
  const name = fileNameOfPart(plan, part, run.next.revision);
  return tools.stagePart(run, part, pathIn(plan.folder, name)).then(tools.record);
};

const settlePart = async (run: Run, part: Part, { sink, record }: DeliveryTools): Promise<Run> => {
  const staged: StagedFile = part;
  if (!part.published) {
    try {
      const { outcome, fallback } = await sink.publish(staged);
      return await record({
        type: 'PublishPart',
        part: part.part,
        outcome,
        ...(fallback === undefined ? {} : { fallback }),
      });
    } catch (error) {
      const reason = asideReasonOf(error);
      if (reason === undefined) throw error;
      if (reason === 'name-taken') await sink.discard(staged);
      return record({ type: 'SetPartAside', part: part.part, reason });
    }
  }
  try {
    const verification = await sink.verify(staged);
    return await record({ type: 'VerifyPart', part: part.part, verification });
  } catch (error) {
    if (slugOf(error) !== VERIFICATION_FAILED || run.retriedAfter !== VERIFICATION_FAILED) throw error;
    return record({ type: 'SetPartAside', part: part.part, reason: VERIFICATION_FAILED });
  }
};

/** A partner may have fetched the file at once. Only a person can know, and by a retry says that it is to be sent again. */
const VERIFICATION_FAILED = 'verification-failed';

const slugOf = (error: unknown): string | undefined => (isWaybillError(error) ? error.slug : undefined);

const asideReasonOf = (error: unknown): AsideReason | undefined => {
  const slug = slugOf(error);
  return slug === 'name-taken' || slug === 'staged-file-lost' ? slug : undefined;
};

const deliverManifest = async (start: Run, plan: Plan, { sink, scope, stage, record }: DeliveryTools): Promise<Run> => {
  const { name, content } = manifestDocument(start, plan, scope);
  const stageIt = async (run: Run) =>
    record({ type: 'StageManifest', ...(await stage(run, pathIn(plan.folder, name), once(content), 'manifest')) });

  let run = start.manifest ? start : await stageIt(start);
  while (run.manifest && !run.manifest.published) {
    try {
      const { outcome, fallback } = await sink.publish(run.manifest);
      run = await record({ type: 'PublishManifest', outcome, ...(fallback === undefined ? {} : { fallback }) });
    } catch (error) {
      if (asideReasonOf(error) !== 'staged-file-lost') throw error;
      run = await stageIt(run);
    }
  }
  // After all files there is nothing to send again: a retry says that the manifest was fetched.
  if (run.manifest && run.retriedAfter !== VERIFICATION_FAILED) await sink.verify(run.manifest);
  return run;
};

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
  await Promise.resolve();
}
