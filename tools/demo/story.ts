import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, type CheckView, ProblemAnswer } from './api.js';
import type { Narrator } from './narrator.js';
import type { Partner } from './partner.js';
import type { Profiles } from './profiles.js';

export interface Cast {
  readonly api: Api;
  readonly partner: Partner;
  readonly profiles: Profiles;
  readonly narrator: Narrator;
}

interface RunView {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly counts: { read: number; written: number; skipped: number };
  readonly files: readonly { path: string; rows: number; bytes: number; sha256: string; contentSha256: string }[];
  readonly manifest: { path: string; sha256: string } | null;
  readonly failure?: { title: string; detail: string };
  readonly progress: { rows: number; totalRows: number; bytes: number };
}

const SEGMENT = 'loyal-customers';

/** Each step is one thing a person would do, followed by what came of it; a step that does not hold throws. */
export const runStory = async ({ api, partner, profiles, narrator }: Cast): Promise<void> => {
  const { step, tell, checks } = narrator;

  step('The catalog shows what can be connected to');
  const catalog = await api.get<{ items: { name: string; primaryAction: string }[] }>('/v1/catalog');
  for (const { name, primaryAction } of catalog.items) tell(`${name} (${primaryAction})`);

  const account = (password: string, hostKey?: string) => ({
    type: 'sftp',
    name: 'Partner SFTP',
    authentication: {
      method: 'password',
      host: '127.0.0.1',
      port: partner.port,
      username: partner.username,
      password,
      ...(hostKey ? { hostKey } : {}),
    },
    encryptionKey: partner.publicKey,
  });

  step('The first connection shows the host key, before any password is sent');
  const unconfirmed = await refused(() => api.post('/v1/accounts', account(partner.password)));
  tell(unconfirmed.problem.detail);
  expect(unconfirmed.problem.type === '/problems/host-key-unconfirmed', 'an unknown host key must be confirmed first');
  tell(`confirmed: ${partner.hostKey}`);

  step('A wrong password is refused, with the check that failed');
  const wrong = await refused(() => api.post('/v1/accounts', account('wrong-password', partner.hostKey)));
  checks(wrong.problem.checks ?? []);

  step('The right one connects, after a live proof');
  const connected = await api.post<{
    id: string;
    encryptionKey: { fingerprint: string };
    validation: { checks: CheckView[] };
  }>('/v1/accounts', account(partner.password, partner.hostKey));
  checks(connected.validation.checks);
  tell(`files will be encrypted for ${connected.encryptionKey.fingerprint}`);

  step('A destination, its folder proven by the very calls that delivery makes');
  const destination = await api.post<{ id: string }>('/v1/destinations', {
    accountId: connected.id,
    name: 'Weekly loyalty file',
    marketingActions: ['emailTargeting'],
    target: { folder: 'incoming' },
    files: { format: 'csv', compression: 'gzip' },
  });
  tell(`created ${destination.id}`);

  step(`A segment of ${profiles.what}`);
  await api.put(`/v1/segments/${SEGMENT}`, { name: 'Loyal customers' });
  const load = await api.upload<{
    received: number;
    entered: number;
    rejected: number;
    rejections: { line: number; reason: string }[];
  }>(
    `/v1/segments/${SEGMENT}/members?mode=replace&identity=${encodeURIComponent(profiles.identity)}`,
    'text/csv',
    Readable.toWeb(profiles.csv()) as ReadableStream,
  );
  tell(`${load.received} received, ${load.entered} entered, ${load.rejected} rejected`);
  for (const { line, reason } of load.rejections.slice(0, 3)) tell(`line ${line}: ${reason}`);

  step('The segment is activated: which columns, which file name');
  const columns = await columnsOf(profiles);
  await api.put(`/v1/destinations/${destination.id}/mapping`, {
    fields: columns.map((column) =>
      column === profiles.identity
        ? { source: `identities.${column}`, target: column, required: true, key: true }
        : { source: `attributes.${column}`, target: column.replaceAll('.', '_') },
    ),
  });
  await api.put(`/v1/destinations/${destination.id}/segments/${SEGMENT}`, { schedule: null });
  const preview = await api.post<{ items: { files: string[] }[] }>(`/v1/destinations/${destination.id}/previews`, {
    rows: 3,
  });
  tell(`a preview names the files: ${preview.items.flatMap(({ files }) => files).join(', ')}`);

  step('Export now');
  const { items } = await api.post<{ items: { id: string }[] }>(`/v1/destinations/${destination.id}/runs`);
  const run = await finished(api, items[0]?.id ?? '', narrator);
  expect(run.status === 'completed', `the run ended ${run.status}: ${run.failure?.detail ?? ''}`);
  tell(`${run.counts.written} of ${run.counts.read} profiles written, ${run.counts.skipped} skipped`);

  step('What arrived at the partner');
  for (const { name, bytes } of await partner.list()) tell(`${name} (${bytes.toLocaleString('en')} bytes)`);

  step('The partner decrypts the file, and every byte is accounted for');
  const file = run.files[0];
  expect(file !== undefined, 'the run tells its files');
  const delivered = await partner.read(file!.path);
  expect(sha256(delivered) === file!.sha256, 'the delivered bytes are those that the run recorded');
  const plain = await partner.decrypt(delivered);
  expect(sha256(plain) === file!.contentSha256, 'the decrypted content is what was read from the segment');
  const rows = plain.toString('utf8').trimEnd().split(/\r?\n/);
  expect(rows.length - 1 === file!.rows || profiles.what.startsWith('the profiles'), 'one row a profile');
  rows.slice(0, 3).forEach((row) => tell(row));
  tell(`SHA-256 of delivered bytes and of decrypted content match what the run recorded`);

  step('The manifest, published last');
  expect(run.manifest !== null, 'the run has a manifest');
  const manifest = await partner.read(run.manifest!.path);
  expect(sha256(manifest) === run.manifest!.sha256, 'the manifest is the one that the run recorded');
  const { files, watermark, mode } = JSON.parse(manifest.toString('utf8')) as {
    files: object[];
    watermark: string;
    mode: string;
  };
  tell(`${files.length} file(s), ${mode}, up to change ${watermark}`);

  step('The history of the destination');
  const history = await api.get<{ items: { revision: number; type: string; actor: string; recordedAt: string }[] }>(
    `/v1/destinations/${destination.id}/history`,
  );
  for (const event of history.items)
    tell(`${String(event.revision).padStart(2)}  ${event.type.padEnd(24)} ${event.recordedAt}  by ${event.actor}`);

  narrator.end(
    `\nDelivered ${run.counts.written} profiles in ${run.files.length} file(s), encrypted, verified and on record.`,
  );
};

const POLL_MS = 150;
const RUN_MS = 10 * 60_000;

const finished = async (api: Api, id: string, narrator: Narrator): Promise<RunView> => {
  const deadline = Date.now() + RUN_MS;
  for (;;) {
    const run = await api.get<RunView>(`/v1/runs/${id}`);
    narrator.progress(run.progress.rows, run.progress.totalRows);
    if (!['queued', 'running'].includes(run.status)) return run;
    if (Date.now() > deadline) throw new Error(`the run is still ${run.status} after ${RUN_MS / 60_000} minutes`);
    await sleep(POLL_MS);
  }
};

const columnsOf = async (profiles: Profiles): Promise<string[]> => {
  let head = '';
  for await (const chunk of profiles.csv()) {
    head += String(chunk);
    if (head.includes('\n')) break;
  }
  return (head.split(/\r?\n/)[0] ?? '')
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.replaceAll('"', ''));
};

const refused = async (work: () => Promise<unknown>): Promise<ProblemAnswer> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof ProblemAnswer) return error;
    throw error;
  }
  throw new Error('this should have been refused, and was not');
};

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function expect(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`this does not hold: ${rule}`);
}
