import { fork } from 'node:child_process';
import type { Credentials } from '@waybill/connectors';
import type { FilesOptions } from '@waybill/contracts';

/** One export, in a process of its own, so that its memory is nobody else's. */
export interface ExportJob {
  readonly databaseUrl: string;
  readonly rows: number;
  readonly compression: FilesOptions['compression'];
  /** The recipient's key, armored. */
  readonly encryptionKey: string;
  readonly credentials: Credentials;
  readonly folder: string;
  readonly path: string;
}

export interface ExportDone {
  readonly seconds: number;
  readonly bytes: number;
  /** The highest that the process ever had, in MB of 10^6 bytes. */
  readonly residentMegabytes: number;
}

/** Its source, where this is the source. */
const ENTRY = new URL(`./export-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

export const runExport = (job: ExportJob): Promise<ExportDone> =>
  new Promise((resolve, reject) => {
    const child = fork(ENTRY, { serialization: 'advanced' });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The process of the export ended with ${code}.`)));
    child.once('message', (done) => resolve(done as ExportDone));
    child.send(job);
  });
