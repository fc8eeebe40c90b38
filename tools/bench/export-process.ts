import { connectorFor } from '@waybill/connectors';
import { readPart } from '@waybill/delivery';
import { encryptStream, parseRecipientKey } from '@waybill/openpgp';
import { openDatabase } from '@waybill/postgres';
import type { ExportDone, ExportJob } from './export-job.js';
import { FIELDS, SCOPE, SEGMENT } from './export-data.js';

const CSV = { delimiter: ',', quote: '"', escape: '"', nullValue: '', emptyValue: '', injection: 'machine' } as const;

/** What a run does between its plan and its manifest: read, format, compress, encrypt, upload, publish. */
const run = async (job: ExportJob): Promise<ExportDone> => {
  const { compression } = job;
  const database = await openDatabase({ url: job.databaseUrl, schema: 'delivery' });
  const key = await parseRecipientKey(job.encryptionKey);
  const { signal } = new AbortController();
  const start = performance.now();
  const sink = await connectorFor('sftp')?.openFileSink?.(
    job.credentials,
    { folder: job.folder },
    { allowPrivateNetworks: true, signal },
  );
  if (!sink) throw new Error('There is no connector for SFTP.');
  const files = { format: 'csv', compression, csv: CSV, manifest: true, maxRowsPerFile: job.rows } as const;
  const read = await readPart(
    database,
    { ...SCOPE, segment: SEGMENT, fields: FIELDS, files, watermark: '1', changedSince: null },
    { after: null, signal },
    async (content) => sink.publish(await sink.stage(job.path, encryptStream(content, key), { owner: 'bench-1-1' })),
  );
  const seconds = (performance.now() - start) / 1000;
  await sink.close();
  await database.close();
  if (!('delivered' in read) || read.rows !== job.rows)
    throw new Error(`${read.rows} of ${job.rows} rows were exported.`);
  // maxRSS is in KiB.
  return { seconds, bytes: read.contentBytes, residentMegabytes: (process.resourceUsage().maxRSS * 1024) / 1e6 };
};

process.once('message', (job) => {
  run(job as ExportJob).then(
    (done) => process.send?.(done, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
