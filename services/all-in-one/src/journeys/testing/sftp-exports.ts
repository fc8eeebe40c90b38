import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Api } from './api.js';
import { bodyOf, endOf, exportNow, type RunView } from './exports.js';
import { type SftpPartner, startSftpPartner } from './sftp-partner.js';
import type { AccountView, DestinationView } from './views.js';
import { startWaybill, type Waybill } from './waybill.js';

/** How a destination is to differ from a plain one at the SFTP partner. */
export interface Wish {
  readonly account?: object;
  readonly target?: object;
  readonly files?: object;
  readonly fields?: readonly object[];
  /** The body of the activation; without a schedule unless it has one. */
  readonly activation?: object;
  readonly marketingActions?: readonly string[];
}

export interface ManifestView {
  readonly [name: string]: unknown;
  readonly files: readonly { readonly name: string; readonly rows: number }[];
  readonly previousManifest: { readonly name: string; readonly sha256: string } | null;
}

/** A Waybill and an SFTP partner, with what most tests of exports say in a line. */
export interface SftpExports {
  readonly waybill: Waybill;
  readonly sftp: SftpPartner;
  readonly api: Api;
  /** A new segment whose members are the rows of this CSV, known by their `email`. Answers its id. */
  segmentOf(csv: string): Promise<string>;
  changeSegment(id: string, csv: string, mode: 'merge' | 'replace'): Promise<void>;
  /** A new destination with this segment activated. */
  activated(segmentId: string, wish?: Wish): Promise<DestinationView>;
  /** Exports now, and waits for the end. */
  exported(destinationId: string): Promise<RunView>;
  contentsOf(run: RunView): Promise<readonly string[]>;
  manifestOf(run: RunView): Promise<ManifestView>;
  close(): Promise<void>;
}

export const FIELDS = [
  { source: 'identities.email', target: 'email' },
  { source: 'attributes.city', target: 'city' },
] as const;

export const startSftpExports = async (): Promise<SftpExports> => {
  const [waybill, sftp] = await Promise.all([startWaybill(), startSftpPartner()]);
  const api = waybill.api();
  const read = (path: string) => readFile(join(sftp.root, path), 'utf8');
  let segments = 0;

  const changeSegment = async (id: string, csv: string, mode: 'merge' | 'replace') => {
    const path = `/v1/segments/${id}/members?mode=${mode}&identity=email`;
    bodyOf(await api.send('POST', path, csv, { 'content-type': 'text/csv' }));
  };
  return {
    ...{ waybill, sftp, api, changeSegment },
    segmentOf: async (csv) => {
      const id = `segment-${++segments}`;
      bodyOf(await api.put(`/v1/segments/${id}`, { name: `Name of ${id}` }));
      await changeSegment(id, csv, 'replace');
      return id;
    },
    activated: async (segmentId, wish = {}) => {
      const { account = sftp.account('SFTP'), target = { folder: 'incoming' }, marketingActions = [] } = wish;
      const { id: accountId } = bodyOf(await api.post<AccountView>('/v1/accounts', account));
      const files = wish.files && { files: wish.files };
      const body = { accountId, name: 'Weekly', target, marketingActions, ...files };
      const destination = bodyOf(await api.post<DestinationView>('/v1/destinations', body));
      const path = `/v1/destinations/${destination.id}`;
      bodyOf(await api.put(`${path}/mapping`, { fields: wish.fields ?? FIELDS }));
      bodyOf(await api.put(`${path}/segments/${segmentId}`, { schedule: null, ...wish.activation }));
      return destination;
    },
    exported: async (destinationId) => endOf(api, await exportNow(api, destinationId)),
    contentsOf: (run) => Promise.all(run.files.map(({ path }) => read(path))),
    manifestOf: async (run) => JSON.parse(await read(run.manifest!.path)) as ManifestView,
    close: async () => {
      await waybill.close();
      await sftp.stop();
    },
  };
};
