import { createHash, randomUUID } from 'node:crypto';
import { pathIn } from './folder.js';
import type { CheckCode, Connector, Credentials, Environment, FileSink, Proof, StagedFile } from './port.js';

type Target = Readonly<Record<string, unknown>> & { readonly folder: string };

/** A counterpart with an account and a target on it. */
export interface FileDestination {
  readonly connector: Connector;
  /** Right ones, with no findings yet: the suite takes those of the proofs. */
  readonly credentials: Credentials;
  readonly wrongCredentials: { readonly credentials: Credentials; readonly code: CheckCode };
  readonly target: Target;
  /** A target that is not there (no such folder, no such bucket). */
  readonly missingTarget: Target;
  /** Stands at a private address, which the suite allows and refuses. */
  readonly partner: Partner;
  close(): Promise<void>;
}

/** The partner's own eyes and hands, not through the connector. */
export interface Partner {
  read(path: string): Promise<Buffer | undefined>;
  write(path: string, content: Buffer): Promise<void>;
  /** Temporary files and open uploads anywhere in the target. */
  leftovers(): Promise<readonly string[]>;
  /** Deletes what was staged, as a tidy partner may. */
  lose(staged: StagedFile): Promise<void>;
}

export interface FileConnectorFeatures {
  /** The server itself refuses a taken name, so that of two writers at the same moment one loses. */
  readonly refusesTakenNames: boolean;
  /** The server answers a publication that it has made before as if it were the first, so that nobody can tell. */
  readonly repeatsPublications?: boolean;
}

/** Whole numbers, so that a block in the wrong place shows. */
export const numberedBytes = (bytes: number): Buffer => {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) content.writeUInt32BE(at / 4, at);
  return content;
};

/** In chunks of changing sizes, none of them a power of two. */
export async function* inChunks(content: Uint8Array, largest = 100_003): AsyncGenerator<Uint8Array> {
  for (let at = 0, size = 1; at < content.length; at += size, size = Math.min(size * 3 + 1, largest)) {
    yield content.subarray(at, at + size);
    await Promise.resolve();
  }
}

export const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

const checkNamed = (proof: Proof, outcome: string) => proof.checks.filter((check) => check.outcome === outcome);

/** What every connector that delivers files must hold. `open` starts or finds the counterpart. */
export const fileConnectorContract = (
  open: () => Promise<FileDestination>,
  features: FileConnectorFeatures = { refusesTakenNames: true },
): void => {
  let destination: FileDestination;
  let sink: FileSink;
  let credentials: Credentials;
  const environment = (signal = new AbortController().signal): Environment => ({ allowPrivateNetworks: true, signal });
  const connector = () => destination.connector;
  const openSink = (target: Target = destination.target, signal?: AbortSignal) =>
    connector().openFileSink!(credentials, target, environment(signal));
  const freshPath = (name = `${randomUUID()}.csv`) => pathIn(connector().spec.folderOf!(destination.target), name);
  const freshOwner = () => `run-${randomUUID()}/part-1/attempt-1`;
  const stage = (path: string, content: Buffer, owner = freshOwner()) => sink.stage(path, inChunks(content), { owner });

  beforeAll(async () => {
    destination = await open();
    const account = await connector().proveCredentials(destination.credentials, environment());
    const target = await connector().proveTarget(destination.credentials, destination.target, environment());
    credentials = { ...destination.credentials, findings: { ...account.findings, ...target.findings } };
    sink = await openSink();
  }, 180_000);

  afterAll(async () => {
    await sink?.close();
    await destination?.close();
  });

  describe('proofs', () => {
    const expectCompleteChecks = (proof: Proof) => {
      for (const check of proof.checks) {
        expect(check).toMatchObject({
          name: expect.stringMatching(/\S/) as unknown,
          call: expect.stringMatching(/\S/) as unknown,
          resource: expect.stringMatching(/^[a-z0-9]+:\/\//) as unknown,
          code: expect.stringMatching(/\S/) as unknown,
          message: expect.stringMatching(/\S/) as unknown,
        });
        expect(check.durationMs).toBeGreaterThanOrEqual(0);
        expect(check.code.startsWith('ok')).toBe(check.outcome === 'passed');
        if (check.outcome === 'failed') expect(check.remedy).toMatch(/\S/);
      }
      expect(new Set(proof.checks.map(({ name }) => name)).size).toBe(proof.checks.length);
    };

    const expectNoSecretIn = (proof: Proof, { authentication }: Credentials) => {
      const report = JSON.stringify(proof);
      const secrets = connector().spec.authentication.flatMap(() =>
        ['password', 'privateKey', 'passphrase', 'secretAccessKey'].map((name) => authentication[name]),
      );
      for (const secret of secrets) if (typeof secret === 'string') expect(report).not.toContain(secret);
    };

    it('passes right credentials, with every check told in full', async () => {
      const proof = await connector().proveCredentials(destination.credentials, environment());
      expect(checkNamed(proof, 'failed')).toEqual([]);
      expect(proof.outcome).toBe('passed');
      expect(proof.checks.length).toBeGreaterThan(0);
      expectCompleteChecks(proof);
      expectNoSecretIn(proof, destination.credentials);
    });

    it('fails wrong credentials with a code that names the cause, and never shows a secret', async () => {
      const { credentials: wrong, code } = destination.wrongCredentials;
      const proof = await connector().proveCredentials(wrong, environment());
      expect(proof.outcome).toBe('failed');
      expect(checkNamed(proof, 'failed').map((check) => check.code.split('/')[0])).toEqual([code]);
      expectCompleteChecks(proof);
      expectNoSecretIn(proof, wrong);
    });

    it('refuses a private address where the operator does not allow them', async () => {
      const proof = await connector().proveCredentials(destination.credentials, {
        ...environment(),
        allowPrivateNetworks: false,
      });
      expect(checkNamed(proof, 'failed').map(({ code }) => code)).toEqual(['address-refused']);
      expectCompleteChecks(proof);
      await expect(
        connector().openFileSink!(credentials, destination.target, {
          ...environment(),
          allowPrivateNetworks: false,
        }).then((opened) => opened.stat(freshPath()).finally(() => opened.close())),
      ).rejects.toMatchObject({ slug: 'partner-rejected' });
    });

    it('passes a target that takes files, and leaves nothing behind', async () => {
      const proof = await connector().proveTarget(credentials, destination.target, environment());
      expect(checkNamed(proof, 'failed').filter(({ optional }) => !optional)).toEqual([]);
      expect(proof.outcome).toBe('passed');
      expectCompleteChecks(proof);
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it('passes a target whose folder ends in macros, and leaves nothing behind', async () => {
      const { target } = destination;
      const proof = await connector().proveTarget(
        credentials,
        { ...target, folder: pathIn(target.folder, '%SEGMENT_NAME%/%SEGMENT_ID%') },
        environment(),
      );
      expect(proof.outcome).toBe('passed');
      expectCompleteChecks(proof);
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it('fails a target that is not there, and says so', async () => {
      const proof = await connector().proveTarget(credentials, destination.missingTarget, environment());
      expect(proof.outcome).toBe('failed');
      expect(checkNamed(proof, 'failed').map((check) => check.code.split('/')[0])).toContain('not-found');
      expectCompleteChecks(proof);
    });
  });

  describe('a file', () => {
    it('stands under its name only when published, byte for byte', async () => {
      const path = freshPath();
      const content = numberedBytes(3_000_017);
      const staged = await stage(path, content);
      expect(staged).toMatchObject({ path, bytes: content.length, sha256: sha256(content) });
      expect(JSON.parse(JSON.stringify(staged))).toEqual(staged);
      expect(await destination.partner.read(path)).toBeUndefined();
      expect(await sink.stat(path)).toBeNull();

      expect(await sink.publish(staged)).toMatchObject({ path, bytes: content.length, outcome: 'published' });
      await sink.verify(staged);
      expect(content.equals((await destination.partner.read(path))!)).toBe(true);
      expect(await sink.stat(path)).toEqual({ bytes: content.length });
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it('may be larger than one part', async () => {
      const path = freshPath();
      const content = numberedBytes(17 * 1024 * 1024 + 3);
      const seen: number[] = [];
      const staged = await sink.stage(path, inChunks(content, 1_500_001), {
        owner: freshOwner(),
        onProgress: (bytes) => seen.push(bytes),
      });
      await sink.publish(staged);
      await sink.verify(staged);
      expect(sha256((await destination.partner.read(path))!)).toBe(sha256(content));
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(seen.at(-1)).toBe(content.length);
    });

    it('may be empty', async () => {
      const path = freshPath();
      const staged = await stage(path, Buffer.alloc(0));
      await sink.publish(staged);
      await sink.verify(staged);
      expect(await destination.partner.read(path)).toEqual(Buffer.alloc(0));
    });

    it('may have a name with spaces, quotes, percent signs and letters of any script', async () => {
      const path = freshPath(`Käufer "Ü" 50% +1 & 名 ${randomUUID()}.csv`);
      const staged = await stage(path, Buffer.from('id\n1\n'));
      await sink.publish(staged);
      await sink.verify(staged);
      expect((await destination.partner.read(path))?.toString()).toBe('id\n1\n');
    });

    it('goes to the folder of its segment, which is made on the way', async () => {
      const { target } = destination;
      const perSegment = { ...target, folder: pathIn(target.folder, '%SEGMENT_NAME%/%SEGMENT_ID%') };
      const folder = connector().spec.folderOf!(perSegment, { id: randomUUID(), name: 'VIP / "gold" ../x' });
      const other = await openSink(perSegment);
      for (const name of ['first.csv', 'second.csv']) {
        const staged = await other.stage(pathIn(folder, name), inChunks(Buffer.from(name)), { owner: freshOwner() });
        await other.publish(staged);
        expect((await destination.partner.read(pathIn(folder, name)))?.toString()).toBe(name);
      }
      await other.close();
    });

    it('is staged and published by different sinks, as after a restart', async () => {
      const path = freshPath();
      const staged = await stage(path, numberedBytes(1_000_003));
      const later = await openSink();
      expect(await later.publish(JSON.parse(JSON.stringify(staged)) as StagedFile)).toMatchObject({
        outcome: 'published',
      });
      await later.verify(staged);
      await later.close();
    });
  });

  describe('one name, one content', () => {
    it('settles when publish is called again', async () => {
      const staged = await stage(freshPath(), numberedBytes(100_000));
      expect(await sink.publish(staged)).toMatchObject({ outcome: 'published' });
      const outcome = features.repeatsPublications ? 'published' : 'settled';
      expect(await sink.publish(staged)).toMatchObject({ outcome, bytes: 100_000 });
    });

    it('settles when the same bytes were staged anew, and leaves no temporary file', async () => {
      const path = freshPath();
      const content = numberedBytes(300_001);
      await sink.publish(await stage(path, content));
      expect(await sink.publish(await stage(path, content))).toMatchObject({ outcome: 'settled' });
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it.each([
      ['more bytes', Buffer.from('id\n1\n2\n')],
      ['other bytes of the same number', Buffer.from('id\n2\n')],
    ])('refuses a name that holds %s, and leaves that file alone', async (_, taken) => {
      const path = freshPath();
      await destination.partner.write(path, taken);
      const staged = await stage(path, Buffer.from('id\n1\n'));
      await expect(sink.publish(staged)).rejects.toMatchObject({ slug: 'name-taken', kind: 'conflict' });
      expect(await destination.partner.read(path)).toEqual(taken);
      await sink.discard(staged);
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    if (features.refusesTakenNames)
      it('lets one of two writers at the same moment win', async () => {
        const path = freshPath();
        const contents = [Buffer.from('id\n1\n'), Buffer.from('id\n2\n')];
        const other = await openSink();
        const [ours, theirs] = await Promise.all([
          stage(path, contents[0]!),
          other.stage(path, inChunks(contents[1]!), { owner: freshOwner() }),
        ]);
        const outcomes = await Promise.allSettled([sink.publish(ours), other.publish(theirs)]);
        const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
        expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
        expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { slug: 'name-taken' } });
        expect(await destination.partner.read(path)).toEqual(contents[winner]);
        await Promise.all([sink.discard(ours), other.discard(theirs)]);
        await other.close();
      });
  });

  describe('what goes wrong', () => {
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield numberedBytes(7_000_000);
      await Promise.resolve();
      throw new Error('the source broke');
    }

    it('a source that breaks leaves nothing behind, and its error is handed on', async () => {
      const path = freshPath();
      await expect(sink.stage(path, breaking(), { owner: freshOwner() })).rejects.toThrow('the source broke');
      expect(await destination.partner.leftovers()).toEqual([]);
      expect(await destination.partner.read(path)).toBeUndefined();
    });

    it('an abort ends an upload in flight and leaves nothing behind', async () => {
      const abort = new AbortController();
      const aborted = await openSink(destination.target, abort.signal);
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (let sent = 0; ; sent += 1) {
          if (sent === 10) abort.abort(new Error('shutting down'));
          yield numberedBytes(1_000_000);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      await expect(aborted.stage(freshPath(), endless(), { owner: freshOwner() })).rejects.toThrow('shutting down');
      await aborted.close();
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it('a source that waits for ever is left by an abort, too', async () => {
      const abort = new AbortController();
      const aborted = await openSink(destination.target, abort.signal);
      let closed = false;
      const waiting: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            setTimeout(() => abort.abort(new Error('shutting down')), 100);
            return new Promise(() => undefined);
          },
          return: () => {
            closed = true;
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      };
      await expect(aborted.stage(freshPath(), waiting, { owner: freshOwner() })).rejects.toThrow('shutting down');
      expect(closed).toBe(true);
      await aborted.close();
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it('a staged file that the partner deleted is told apart, so that it can be staged again', async () => {
      const path = freshPath();
      const staged = await stage(path, numberedBytes(50_000));
      await destination.partner.lose(staged);
      await expect(sink.publish(staged)).rejects.toMatchObject({ slug: 'staged-file-lost' });
      await sink.publish(await stage(path, numberedBytes(50_000)));
      expect(sha256((await destination.partner.read(path))!)).toBe(staged.sha256);
    });

    it('verify says when another size stands under the name, or nothing', async () => {
      const path = freshPath();
      const staged = await stage(path, Buffer.from('id\n1\n'));
      await expect(sink.verify(staged)).rejects.toMatchObject({ slug: 'verification-failed' });
      await destination.partner.write(path, Buffer.from('id\n1\n2\n'));
      await expect(sink.verify(staged)).rejects.toMatchObject({ slug: 'verification-failed' });
      await sink.discard(staged);
    });
  });

  describe('leftovers', () => {
    it('of the same owner are replaced', async () => {
      const path = freshPath();
      const owner = freshOwner();
      await stage(path, numberedBytes(60_000), owner);
      const staged = await stage(path, Buffer.from('id\n1\n'), owner);
      expect(await sink.publish(staged)).toMatchObject({ outcome: 'published' });
      expect((await destination.partner.read(path))?.toString()).toBe('id\n1\n');
      expect(await destination.partner.leftovers()).toEqual([]);
    });

    it('are discarded, once or twice, and a published file is not', async () => {
      const path = freshPath();
      const staged = await stage(path, numberedBytes(60_000));
      await sink.discard(staged);
      await sink.discard(staged);
      expect(await destination.partner.leftovers()).toEqual([]);
      const again = await stage(path, numberedBytes(60_000));
      await sink.publish(again);
      await sink.discard(again);
      expect(await sink.stat(path)).toEqual({ bytes: 60_000 });
    });

    it("are swept by owner and path, and nobody else's are", async () => {
      const folder = connector().spec.folderOf!(destination.target);
      const run = randomUUID();
      const paths = [freshPath(), freshPath()];
      for (const [part, path] of paths.entries()) await stage(path, numberedBytes(60_000), `run-${run}/part-${part}`);
      const others = await stage(freshPath(), numberedBytes(60_000), `run-${randomUUID()}/part-1`);
      expect(await sink.sweep(folder, `run-${run}/`, paths)).toBe(2);
      expect(await sink.sweep(folder, `run-${run}/`, paths)).toBe(0);
      expect(await sink.publish(others)).toMatchObject({ outcome: 'published' });
      expect(await destination.partner.leftovers()).toEqual([]);
    });
  });
};
