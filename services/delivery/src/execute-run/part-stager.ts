import { Inject, Injectable } from '@nestjs/common';
import type { StagedFile } from '@waybill/connectors';
import type { Scope } from '@waybill/kernel';
import { encryptStream, parseRecipientKey } from '@waybill/openpgp';
import type { Database } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { readPart, type RowsRequest } from '../rows/index.js';
import { type Plan, type Run, totalsOf } from '../run/index.js';
import { Boundaries } from './boundaries.js';
import type { Step } from './deliver.js';
import { Progress } from './progress.js';

export const rowsOf = (plan: Plan, mode: Run['mode'], { tenant, sandbox }: Scope): RowsRequest => ({
  tenant,
  sandbox,
  segment: plan.segment,
  fields: plan.mapping.fields,
  files: plan.files,
  watermark: plan.watermark,
  changedSince: mode === 'incremental' ? (plan.previous?.watermark ?? null) : null,
});

export interface StagingPlace {
  readonly run: Run;
  readonly plan: Plan;
  readonly scope: Scope;
  /** ASCII-armored; null: not encrypted. */
  readonly encryptionKey: string | null;
  readonly signal: AbortSignal;
  readonly stage: (content: AsyncIterable<Uint8Array>, what: string) => Promise<StagedFile>;
}

const REPORT_MS = 500;

/** Reads the next part of a run, formats, compresses and encrypts it, and stages it: one stream, whatever its size. */
@Injectable()
export class PartStager {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Boundaries) private readonly boundaries: Boundaries,
    @Inject(Progress) private readonly progress: Progress,
  ) {}

  async stage({ run, plan, scope, encryptionKey, signal, stage }: StagingPlace): Promise<Step> {
    const part = run.parts.length + 1;
    const key = encryptionKey === null ? null : await parseRecipientKey(encryptionKey);
    const read = await readPart(
      this.database,
      rowsOf(plan, run.mode, scope),
      { after: await this.boundaries.endOf(run.runId, part - 1), signal, onProgress: this.reporter(run) },
      (content) => stage(key ? encryptStream(content, key) : content, `part-${part}`),
    );
    const { counts, skippedBecause } = read;
    if (!('delivered' in read)) return { type: 'RecordNothing', counts, skippedBecause };
    await this.boundaries.keep(run.runId, part, read.lastKey);
    const { rows, contentSha256, contentBytes, more, delivered } = read;
    const keyFingerprint = key?.fingerprint ?? null;
    return {
      type: 'StagePart',
      part,
      rows,
      counts,
      skippedBecause,
      contentSha256,
      contentBytes,
      keyFingerprint,
      more,
      ...delivered,
    };
  }

  /** A few times a second; a report that fails is only a progress bar that stands still. */
  private reporter(run: Run): (done: { readonly rows: number; readonly contentBytes: number }) => void {
    const before = totalsOf(run.parts);
    let reportedAt = 0;
    return ({ rows, contentBytes }) => {
      if (Date.now() - reportedAt < REPORT_MS) return;
      reportedAt = Date.now();
      this.progress.report(run.runId, before.rows + rows, before.bytes + contentBytes).catch(() => undefined);
    };
  }
}
