import { createHash } from 'node:crypto';
import { columnOf, type CsvOptions, parseSource, typeOf } from '@waybill/contracts';
import { canonicalJson, type Scope } from '@waybill/kernel';
import { manifestName, type Part, type Plan, type Run, tallyOf, type Totals, totalsOf } from '../run/index.js';

/** What stands beside the files of a run, published last. No identity of a person ever stands in it. */
export interface Manifest {
  readonly version: 1;
  readonly tenant: string;
  readonly sandbox: string;
  readonly destination: { readonly id: string; readonly name: string };
  readonly segment: { readonly id: string; readonly name: string };
  readonly run: string;
  readonly mode: 'full' | 'incremental';
  readonly marketingActions: readonly string[];
  /** The columns, in their order. */
  readonly schema: readonly { readonly name: string; readonly type: 'any' | 'string' | 'date-time' }[];
  readonly mappingRevision: number;
  readonly watermark: string;
  readonly plannedAt: string;
  /** How the files are written; the injection policy of CSV among it. */
  readonly format: { readonly format: 'csv' | 'json'; readonly csv?: CsvOptions };
  readonly files: readonly {
    readonly name: string;
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
    readonly contentSha256: string;
    readonly contentBytes: number;
    readonly compression: 'none' | 'gzip';
    readonly encryption: { readonly fingerprint: string } | null;
  }[];
  /** `skippedBecause` counts profiles by the reason for which they are not in the files. */
  readonly totals: Totals & { readonly skipped: number; readonly skippedBecause: Readonly<Record<string, number>> };
  /** Of the run before, so that a chain without gaps can be checked. */
  readonly previousManifest: { readonly name: string; readonly sha256: string } | null;
}

export interface ManifestDocument {
  readonly name: string;
  readonly content: Uint8Array;
  /** Of the content, hex. */
  readonly sha256: string;
}

const fileOf = ({ compression }: Plan['files'], part: Part): Manifest['files'][number] => ({
  name: part.path.slice(part.path.lastIndexOf('/') + 1),
  rows: part.rows,
  bytes: part.bytes,
  sha256: part.sha256,
  contentSha256: part.contentSha256,
  contentBytes: part.contentBytes,
  compression,
  encryption: part.keyFingerprint === null ? null : { fingerprint: part.keyFingerprint },
});

export const manifestOf = (run: Run, plan: Plan, { tenant, sandbox }: Scope): Manifest => {
  const { counts, skippedBecause } = tallyOf(run);
  const { format, csv } = plan.files;
  return {
    version: 1,
    tenant,
    sandbox,
    destination: { id: plan.destination.id, name: plan.destination.name },
    segment: plan.segment,
    run: run.runId,
    mode: run.mode,
    marketingActions: plan.marketingActions,
    schema: plan.mapping.fields.map((field) => ({ name: columnOf(field), type: typeOf(parseSource(field.source)) })),
    mappingRevision: plan.mapping.revision,
    watermark: plan.watermark,
    plannedAt: plan.plannedAt,
    format: { format, ...(csv && { csv }) },
    files: run.parts.map((part) => fileOf(plan.files, part)),
    totals: { ...totalsOf(run.parts), skipped: counts.skipped, skippedBecause },
    previousManifest: plan.previous?.manifest ?? null,
  };
};

/** The same run gives the same bytes, so that a retry meets its own manifest. */
export const manifestDocument = (run: Run, plan: Plan, scope: Scope): ManifestDocument => {
  const content = Buffer.from(`${canonicalJson(manifestOf(run, plan, scope))}\n`);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { name: manifestName(plan.destination.id, run.runId), content, sha256 };
};
