import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { denying, type Faults, fullAfter, startSftpServer, type SftpServer } from '@waybill/testkit/sftp-server';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import {
  bodyOf,
  endOf,
  expectWholeDelivery,
  exportNow,
  loadSegment,
  runOf,
  type RunView,
  setUpDelivery,
} from './testing/exports.js';
import { startWaybill, type Waybill } from './testing/waybill.js';
import { ed25519Key } from '@waybill/testkit/ssh-key';

const FOLDER = 'incoming';
const USER = { username: 'acme', password: 'correct horse' };
const MEMBERS = 25;
const rows = Array.from({ length: MEMBERS }, (_, index) => `member-${index + 10},${'x'.repeat(8_000)}`);

/** A partner whose server can go wrong, go away and come back at the same address. */
class Partner {
  readonly root = mkdtempSync(join(tmpdir(), 'waybill-faulty-'));
  readonly hostKey = ed25519Key().private;
  readonly faults: Faults = {};
  server!: SftpServer;
  destinationId = '';

  constructor() {
    mkdirSync(join(this.root, FOLDER));
  }
  async start(hostKey = this.hostKey, port = this.server?.port ?? 0): Promise<void> {
    this.server = await startSftpServer({ ...this, users: [USER], hostKeys: [hostKey], port });
  }
  get names(): readonly string[] {
    return readdirSync(join(this.root, FOLDER));
  }
  get files(): ReadonlyMap<string, Buffer> {
    return new Map(this.names.map((name) => [`${FOLDER}/${name}`, readFileSync(join(this.root, FOLDER, name))]));
  }
  mend(): void {
    delete this.faults.onRequest;
  }
  async close(): Promise<void> {
    await this.server.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}

describe('an export to a partner where something goes wrong', () => {
  let waybill: Waybill;
  let api: Api;
  const partners: Partner[] = [];
  let absent: Partner;
  let runToTheAbsent: string;

  const newPartner = async (name: string): Promise<Partner> => {
    const partner = new Partner();
    partners.push(partner);
    await partner.start();
    const { host, port, fingerprint } = partner.server;
    const { id } = await setUpDelivery(api, {
      ...{ name, type: 'sftp', target: { folder: FOLDER }, files: { maxRowsPerFile: 10 } },
      authentication: { method: 'password', host, port, ...USER, hostKey: fingerprint },
      ...{ segmentId: 'members', identity: 'id', attributes: ['note'] },
    });
    partner.destinationId = id;
    return partner;
  };

  beforeAll(async () => {
    waybill = await startWaybill();
    api = waybill.api();
    await loadSegment(api, 'members', 'id', ['id,note', ...rows, ''].join('\n'));
    // It is tried for half a minute, which goes by while the others are looked at.
    absent = await newPartner('Absent');
    await absent.server.stop();
    runToTheAbsent = await exportNow(api, absent.destinationId);
  });
  afterAll(async () => {
    await waybill.close();
    await Promise.all(partners.map((partner) => partner.close().catch(() => undefined)));
  });

  const exportTo = async (partner: Partner): Promise<RunView> =>
    endOf(api, await exportNow(api, partner.destinationId), 60_000);

  const retried = async ({ id }: Pick<RunView, 'id'>): Promise<RunView> => {
    bodyOf(await api.post(`/v1/runs/${id}/retry`));
    return endOf(api, id);
  };

  const expectAllRows = async (partner: Partner, run: RunView) => {
    const contents = await expectWholeDelivery(run, partner.files, (file) => Promise.resolve(file));
    const delivered = contents.flatMap((content) => content.toString().trimEnd().split('\r\n').slice(1));
    expect(delivered.sort()).toEqual([...rows].sort());
  };

  const failureOf = ({ status, failure }: RunView) => `${status} ${failure?.type}`;

  it.each([
    ['whose disk is full', fullAfter(100_000), '/problems/partner-storage-full', /room|space|full/i],
    [
      'who refuses to rename',
      denying('RENAME', 'posix-rename@openssh.com'),
      '/problems/partner-permission-denied',
      /allow|right|permission/i,
    ],
  ])(
    '%s fails, says what to do, leaves nothing half-written, and is completed by a retry',
    async (name, fault, type, says) => {
      const partner = await newPartner(`Partner ${name}`);
      partner.faults.onRequest = fault;
      const run = await exportTo(partner);
      expect(failureOf(run)).toBe(`failed ${type}`);
      expect(run.failure?.detail).toMatch(says);
      expect(partner.names.map((file) => `${FOLDER}/${file}`)).toEqual(run.files.map(({ path }) => path));
      expect(run.manifest).toBeNull();

      partner.mend();
      await expectAllRows(partner, await retried(run));
    },
    60_000,
  );

  it('who shows another host key is sent nothing, not even the password', async () => {
    const partner = await newPartner('Impostor');
    await partner.server.stop();
    await partner.start(ed25519Key().private);
    const run = await exportTo(partner);
    expect(failureOf(run)).toBe('failed /problems/host-key-changed');
    expect(partner.server.signInAttempts).toBe(0);
    expect(partner.names).toEqual([]);

    await partner.server.stop();
    await partner.start();
    await expectAllRows(partner, await retried(run));
  }, 60_000);

  it('who removes a temporary file gets it again', async () => {
    const partner = await newPartner('Tidy');
    const removed: string[] = [];
    partner.faults.onRequest = ({ name, path }) => {
      if (name === 'RENAME' && removed.length === 0) {
        removed.push(path);
        rmSync(join(partner.root, path));
      }
      return undefined;
    };
    const run = await exportTo(partner);
    expect(removed).toHaveLength(1);
    await expectAllRows(partner, run);
  });

  it('who takes a file away before it was verified is sent it again only when somebody asks', async () => {
    const partner = await newPartner('Hasty');
    const fetched = new Set<string>();
    partner.faults.onRequest = ({ name, path }) => {
      if (name === 'STAT' && partner.files.has(path) && /_2\.csv$|\/manifest-[^/]*$/.test(path) && fetched.size < 2) {
        fetched.add(path);
        rmSync(join(partner.root, path));
      }
      return undefined;
    };
    const failed = await exportTo(partner);
    expect(failureOf(failed)).toBe('failed /problems/verification-failed');
    const [lost] = [...fetched];
    expect(failed.failure?.detail).toContain(lost);

    const failedAgain = await retried(failed);
    const [, manifest] = [...fetched];
    expect(failureOf(failedAgain)).toBe('failed /problems/verification-failed');
    expect(failedAgain.failure?.detail).toContain(manifest);
    expect(failedAgain.files.map(({ path }) => path)).not.toContain(lost);
    expect(failedAgain.files).toHaveLength(3);

    const completed = await retried(failedAgain);
    expect(completed).toMatchObject({ status: 'completed', files: failedAgain.files });
    expect([...partner.files.keys()].sort()).toEqual(completed.files.map(({ path }) => path).sort());
  }, 60_000);

  it('who is away for a moment is waited for', async () => {
    const partner = await newPartner('Restarted');
    const begun = new Promise<void>((resolve) => {
      partner.faults.onRequest = ({ name }) => {
        if (name === 'WRITE') resolve();
        return name === 'WRITE' ? 'hang' : undefined;
      };
    });
    const runId = await exportNow(api, partner.destinationId);
    await begun;
    await partner.server.stop();
    partner.mend();
    await sleep(1_000);
    await partner.start();
    await expectAllRows(partner, await endOf(api, runId));
  }, 60_000);

  describe('and is to stop in the middle of an upload', () => {
    it.each([
      ['by its cancellation', (runId: string) => `/v1/runs/${runId}/cancel`],
      [
        'since the destination is disabled',
        (_: string, destinationId: string) => `/v1/destinations/${destinationId}/disable`,
      ],
    ])('%s: it ends as cancelled, with nothing half-written and no manifest', async (name, path) => {
      const partner = await newPartner(`Stopped ${name}`);
      // The first file goes through, the others get stuck.
      const stuck = new Promise<void>((resolve) => {
        partner.faults.onRequest = ({ name: call, path: file }) => {
          if (call !== 'WRITE' || file.includes('-part-1-')) return undefined;
          resolve();
          return 'hang';
        };
      });
      const runId = await exportNow(api, partner.destinationId);
      await stuck;
      await eventually(
        () => runOf(api, runId),
        ({ files }) => files.length === 1,
      );
      expect(partner.names).toContainEqual(expect.stringMatching(/^\.waybill-.*\.part$/));
      bodyOf(await api.post(path(runId, partner.destinationId)));
      const run = await endOf(api, runId, 20_000);
      expect(run).toMatchObject({ status: 'cancelled', manifest: null, files: [{ rows: 10 }] });
      expect(partner.names.map((file) => `${FOLDER}/${file}`)).toEqual(run.files.map((file) => file.path));
    });
  });

  it('who goes away while a run is cancelled may keep something half-written, and the run says so', async () => {
    const partner = await newPartner('Gone');
    let isWriting = false;
    const stuck = new Promise<void>((resolve) => {
      partner.faults.onRequest = ({ name }) => {
        isWriting ||= name === 'WRITE';
        if (isWriting) resolve();
        return isWriting && (name === 'WRITE' || name === 'REMOVE') ? 'hang' : undefined;
      };
    });
    const runId = await exportNow(api, partner.destinationId);
    await stuck;
    bodyOf(await api.post(`/v1/runs/${runId}/cancel`));
    await partner.server.stop();
    const run = await endOf(api, runId);
    expect(run).toMatchObject({ status: 'cancelled', files: [], manifest: null });
    expect(run.leftBehind).toMatch(/^In "incoming" at the partner, temporary files .* could not be removed: /);
    expect(run.leftBehind).toContain(String(partner.server.port));
    expect(partner.names).toContainEqual(expect.stringMatching(/^\.waybill-.*\.part$/));
  });

  it('who stays away fails it after some tries, and a retry completes it once they are back', async () => {
    const run = await endOf(api, runToTheAbsent, 90_000);
    expect(failureOf(run)).toBe('failed /problems/partner-unavailable');
    expect(run.failure?.detail).toContain(String(absent.server.port));
    expect(run.files).toEqual([]);

    await absent.start();
    await expectAllRows(absent, await retried(run));
    const { status } = await eventually(
      () => runOf(api, run.id),
      ({ failure }) => failure === undefined,
    );
    expect(status).toBe('completed');
  }, 120_000);
});
