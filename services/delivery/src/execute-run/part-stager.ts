import { Inject, Injectable } from '@nestjs/common';
import type { StagedFile } from '@waybill/connectors';
import type { Scope } from '@waybill/kernel';
import { encryptStream, parseRecipientKey } from '@waybill/openpgp';
import type { Database } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { readPart, type RowsRequest } from '../rows/index.js';
import type { Plan, Run } from '../run/index.js';
import { Boundaries } from './boundaries.js';
import type { Step } from './deliver.js';

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
  readonly part: number;
  /** Of the database, in which all parts are read that are staged at once; null: as it is now. */
  readonly snapshot: string | null;
  readonly scope: Scope;
  /** ASCII-armored; null: not encrypted. */
  readonly encryptionKey: string | null;
  readonly signal: AbortSignal;
  readonly stage: (content: AsyncIterable<Uint8Array>) => Promise<StagedFile>;
  /** Of this part, as often as it moves. */
  readonly onProgress: (done: PartProgress) => void;
}

export interface PartProgress {
  readonly rows: number;
  readonly contentBytes: number;
}

/** Reads a part of a run, formats, compresses and encrypts it, and stages it: one stream, whatever its size. */
@Injectable()
export class PartStager {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Boundaries) private readonly boundaries: Boundaries,
  ) {}

  async stage(place: StagingPlace): Promise<Step> {
    const { run, plan, part, snapshot, scope, encryptionKey, signal, stage, onProgress } = place;
    const key = encryptionKey === null ? null : await parseRecipientKey(encryptionKey);
    const read = await readPart(
      this.database,
      rowsOf(plan, run.mode, scope),
      { after: await this.boundaries.endOf(run.runId, part - 1), signal, snapshot, onProgress },
      (content) => stage(key ? encryptStream(content, key) : content),
    );
    const { counts, skippedBecause } = read;
    if (!('delivered' in read)) return { type: 'RecordNothing', counts, skippedBecause };
    await this.boundaries.keep(run, part, read.lastKey);
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
}
