import { createHash } from 'node:crypto';
import { fold } from '@waybill/kernel';
import { type Plan, runDecider, type RunEvent } from '../run/index.js';
import { AT, begun, nothing, partDone, partStaged, planned, requested, started } from '../run/testing/histories.js';
import { manifestDocument, manifestOf } from './index.js';

const scope = { tenant: 'acme', sandbox: 'prod' };
const runAfter = (...events: readonly RunEvent[]) => {
  const run = fold(runDecider, events);
  if (run.status === 'none' || !run.plan) throw new Error('the run was not planned');
  return [run, run.plan] as const;
};
const manifestAfter = (...events: readonly RunEvent[]) => manifestOf(...runAfter(...events), scope);

describe('A manifest', () => {
  it('says everything that a receiver needs to check the files', () => {
    expect(manifestAfter(...begun, ...partDone(1, true), ...partDone(2))).toEqual({
      version: 1,
      ...scope,
      destination: { id: 'd', name: 'Inbox' },
      segment: { id: 's', name: 'High value' },
      run: 'r',
      mode: 'full',
      marketingActions: ['emailTargeting'],
      schema: [
        { name: 'profile_id', type: 'string' },
        { name: 'segment_status', type: 'string' },
        { name: 'segment_since', type: 'date-time' },
      ],
      mappingRevision: 0,
      watermark: '42',
      plannedAt: AT,
      format: { format: 'csv' },
      files: ['Inbox_s.csv.gz.pgp', 'Inbox_s_2.csv.gz.pgp'].map((name) => ({
        name,
        rows: 2,
        bytes: 100,
        sha256: 'a'.repeat(64),
        contentSha256: 'b'.repeat(64),
        contentBytes: 300,
        compression: 'gzip',
        encryption: { fingerprint: 'k1' },
      })),
      totals: { files: 2, rows: 4, bytes: 200, contentBytes: 600, skipped: 3, skippedBecause: { 'required:email': 3 } },
      previousManifest: { name: 'manifest-d-r0.json', sha256: '0'.repeat(64) },
    });
  });

  it('of a run without rows lists no file and says how many were left out', () => {
    expect(manifestAfter(...begun, nothing)).toMatchObject({ files: [], totals: { files: 0, rows: 0, skipped: 4 } });
  });

  it('names files as they stand in a bucket without folders, and in clear when they are', () => {
    const clear: Partial<Plan> = { previous: null, folder: '' };
    const [run, plan] = runAfter(requested, started(), planned(clear), partStaged(1, false, 'plain.csv'));
    const unencrypted = { ...run, parts: run.parts.map((part) => ({ ...part, keyFingerprint: null })) };
    expect(manifestOf(unencrypted, plan, scope)).toMatchObject({
      files: [{ name: 'plain.csv', encryption: null }],
      previousManifest: null,
    });
  });

  it('is the same bytes for the same run, under a name of its own', () => {
    const history = [...begun, ...partDone(1)];
    const document = manifestDocument(...runAfter(...history), scope);
    expect(document).toEqual(manifestDocument(...runAfter(...history), scope));
    expect(document.name).toBe('manifest-d-r.json');
    expect(document.sha256).toBe(createHash('sha256').update(document.content).digest('hex'));
    expect(JSON.parse(Buffer.from(document.content).toString('utf8'))).toEqual(manifestAfter(...history));
  });

  it('holds no resume key, no handle and no credentials', () => {
    const text = Buffer.from(manifestDocument(...runAfter(...begun, ...partDone(1)), scope).content).toString('utf8');
    for (const inner of ['temporary', 'ref', 'c1']) expect(text).not.toContain(`"${inner}"`);
  });
});
