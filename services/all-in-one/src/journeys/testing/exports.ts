import { expect } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import * as openpgp from 'openpgp';
import type { Answer, Api, Problem } from './api.js';
import { eventually } from './eventually.js';
import { sha256 } from './sightings.js';
import type { AccountView, DestinationView, LoadView } from './views.js';

export interface RunView {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly counts: { readonly read: number; readonly written: number; readonly skipped: number };
  readonly skippedBecause: Readonly<Record<string, number>>;
  readonly files: readonly {
    readonly path: string;
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
    readonly contentSha256: string;
    readonly keyFingerprint: string | null;
  }[];
  readonly manifest: { readonly path: string; readonly sha256: string } | null;
  readonly failure?: Problem;
  readonly leftBehind?: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly progress: { readonly rows: number; readonly bytes: number };
}

const ENDED: readonly RunView['status'][] = ['completed', 'failed', 'cancelled'];

/** The body of a good answer; else throws what the problem says. */
export const bodyOf = <T>({ status, body, text }: Answer<T>): T => {
  if (status >= 300) throw new Error(`${status}: ${text}`);
  return body;
};

/** Makes a segment whose members are the rows of a CSV file. */
export const loadSegment = async (api: Api, segmentId: string, identity: string, csv: string | Buffer) => {
  bodyOf(await api.put(`/v1/segments/${segmentId}`, { name: segmentId }));
  const path = `/v1/segments/${segmentId}/members?mode=replace&identity=${encodeURIComponent(identity)}`;
  return bodyOf(await api.send<LoadView>('POST', path, csv as never, { 'content-type': 'text/csv' }));
};

export interface Delivery {
  readonly name: string;
  readonly type: string;
  readonly authentication: Record<string, unknown>;
  readonly encryptionKey?: string;
  readonly target: Record<string, unknown>;
  readonly files: Record<string, unknown>;
  readonly segmentId: string;
  /** Of the first column, which is the key; and of the attributes that follow. */
  readonly identity: string;
  readonly attributes: readonly string[];
}

/** Connects, creates, maps and activates; answers the destination's id. */
export const setUpDelivery = async (api: Api, delivery: Delivery): Promise<DestinationView> => {
  const { name, type, authentication, encryptionKey, target, files, segmentId, identity, attributes } = delivery;
  const account = bodyOf(
    await api.post<AccountView>('/v1/accounts', {
      ...{ type, name, authentication },
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    }),
  );
  const destination = bodyOf(
    await api.post<DestinationView>('/v1/destinations', { accountId: account.id, name, target, files }),
  );
  const fields = [
    { source: `identities.${identity}`, target: identity, key: true },
    ...attributes.map((attribute) => ({ source: `attributes.${attribute}`, target: attribute.replaceAll(' ', '_') })),
  ];
  bodyOf(await api.put(`/v1/destinations/${destination.id}/mapping`, { fields }));
  bodyOf(await api.put(`/v1/destinations/${destination.id}/segments/${segmentId}`, { schedule: null }));
  return destination;
};

/** Answers the run's id. */
export const exportNow = async (api: Api, destinationId: string): Promise<string> => {
  const { items } = bodyOf(
    await api.post<{ items: readonly { id: string }[] }>(`/v1/destinations/${destinationId}/runs`, {}),
  );
  return items[0]!.id;
};

export const runOf = async (api: Api, id: string): Promise<RunView> => bodyOf(await api.get<RunView>(`/v1/runs/${id}`));

export const endOf = (api: Api, id: string, withinMs = 30_000): Promise<RunView> =>
  eventually(
    () => runOf(api, id),
    ({ status }) => ENDED.includes(status),
    withinMs,
  );

/** A partner's key pair and what they do with a file that they fetched. */
export const receiverKey = async () => {
  const { publicKey, privateKey } = await openpgp.generateKey({
    type: 'rsa',
    rsaBits: 2048,
    userIDs: [{ name: 'Partner', email: 'files@partner.example' }],
    format: 'object',
  });
  return {
    armored: publicKey.armor(),
    /** Decrypts and decompresses. */
    open: async (file: Uint8Array): Promise<Buffer> => {
      const message = await openpgp.readMessage({ binaryMessage: new Uint8Array(file) });
      const decrypted = await openpgp.decrypt({ message, decryptionKeys: privateKey, format: 'binary' });
      return gunzipSync(decrypted.data as Uint8Array);
    },
  };
};

/**
 * What has been delivered is what the run says: these files and no others, each with the bytes that the run recorded, and a
 * manifest that names exactly them. Answers their plain contents, in order.
 */
export const expectWholeDelivery = async (
  run: RunView,
  files: ReadonlyMap<string, Buffer>,
  open: (file: Buffer) => Promise<Buffer>,
): Promise<readonly Buffer[]> => {
  if (run.failure) throw new Error(`the run failed: ${JSON.stringify(run.failure)}`);
  expect(run).toMatchObject({ status: 'completed', manifest: expect.anything() });
  const recorded = [...run.files, run.manifest!].map(({ path, sha256: of }) => [path, of]);
  const standing = [...files].map(([path, content]) => [path, sha256(content)]);
  expect(Object.fromEntries(standing)).toEqual(Object.fromEntries(recorded));

  const manifest = JSON.parse(files.get(run.manifest!.path)!.toString()) as { run: string; files: unknown };
  const facts = run.files.map(({ path, ...file }) => ({ ...file, name: path.slice(path.lastIndexOf('/') + 1) }));
  expect(manifest).toMatchObject({
    run: run.id,
    files: facts.map(({ keyFingerprint, ...file }) => ({
      ...file,
      encryption: keyFingerprint === null ? null : { fingerprint: keyFingerprint },
    })),
  });

  const contents = await Promise.all(run.files.map(({ path }) => open(files.get(path)!)));
  expect(contents.map(sha256)).toEqual(run.files.map(({ contentSha256 }) => contentSha256));
  return contents;
};
