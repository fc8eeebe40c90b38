import { randomUUID } from 'node:crypto';
import { WaybillError } from '@waybill/kernel';
import { delayed } from '../abort.js';
import { statusOf } from '../aws-failure.js';
import { pathIn } from '../folder.js';
import type { Connector, Environment, FileSink, PublishedFile, StagedFile, Verification } from '../port.js';
import { type Bucket, openBucket, type OpenUpload, type PartTag, type Standing } from './bucket.js';
import { compositeOf } from './checksum.js';
import { partnerError, providerCodeOf } from './failure.js';
import { type TargetFindings, targetFindings } from './findings.js';
import type { Gateway } from './gateway.js';
import { uploadParts } from './multipart.js';
import { digestOfParts, fromHandle, openUploadOf, partTagsOf, type StagedUpload, toHandle } from './staged.js';

/** A call is tried so often in all; between tries the SDK waits, longer each time, with jitter. */
const ATTEMPTS = 4;

const MAX_KEY_BYTES = 1_024;

/** Declared when the server does not refuse a taken name itself: it is looked at first, and two writers may meet. */
const FALLBACK = 'complete-without-condition';

/** What stands under a name, as far as we may know. */
type Look = Standing | 'nothing' | 'unreadable';

class S3Sink implements FileSink {
  /** Uploads of ours by owner and path, so that staging anew replaces them. */
  readonly #waiting = new Map<string, OpenUpload>();
  /** Parts of files too large to have them written out in the handle. */
  readonly #parts = new Map<string, readonly PartTag[]>();

  constructor(
    private readonly bucket: Bucket,
    /** For starting an upload: cut short, it might be open and nobody would know its name. */
    private readonly starter: Bucket,
    /** For cleaning up, also when the work itself was aborted. */
    private readonly cleaner: Bucket,
    private readonly name: string,
    private readonly findings: TargetFindings,
    private readonly atAws: boolean,
    private readonly environment: Environment,
    private readonly partSize: ((number: number) => number) | undefined,
    private readonly release: () => void,
  ) {}

  async stage(
    path: string,
    content: AsyncIterable<Uint8Array>,
    { owner, onProgress }: { readonly owner: string; readonly onProgress?: (bytes: number) => void },
  ): Promise<StagedFile> {
    this.environment.signal.throwIfAborted();
    this.#checkKey(path);
    const { checksum: policy } = this.findings;
    const slot = `${owner}\n${path}`;
    const earlier = this.#waiting.get(slot);
    if (earlier) await this.#abort(this.bucket, earlier);
    const stagingId = `${encodeURIComponent(owner)}.${randomUUID()}`;
    const uploadId = await this.#call('CreateMultipartUpload', path, () =>
      this.starter.startUpload(path, policy, stagingId),
    );
    const upload = { key: path, uploadId };
    this.#waiting.set(slot, upload);
    try {
      const { parts, bytes, sha256 } = await uploadParts<PartTag>(content, {
        send: (number, body, signal) =>
          this.#call('UploadPart', path, () => this.bucket.sendPart(upload, number, body, policy, signal)),
        signal: this.environment.signal,
        onProgress,
        ...(this.partSize ? { partSize: this.partSize } : {}),
      });
      this.#parts.set(uploadId, parts);
      const checksum = compositeOf(
        policy,
        parts.map((part) => part.checksum),
      );
      return { path, bytes, sha256, handle: toHandle({ uploadId, stagingId, policy }, parts, checksum) };
    } catch (error) {
      await this.#abandon(upload);
      throw error;
    }
  }

  async publish(staged: StagedFile): Promise<PublishedFile> {
    const { path, bytes } = staged;
    const upload = fromHandle(staged);
    const strict = this.findings.conditionalComplete ?? this.atAws;
    if (!strict) {
      const look = await this.#look(path, upload);
      if (look === 'unreadable' && !this.#conditional()) throw this.#mayNotLook(path);
      if (typeof look === 'object') return this.#settle(staged, look);
    }
    try {
      const parts = await this.#partsOf(staged);
      await this.bucket.complete({ key: path, uploadId: upload.uploadId }, parts, upload.policy, this.#conditional());
    } catch (error) {
      this.environment.signal.throwIfAborted();
      return this.#afterFailure(staged, error);
    }
    this.#forget(upload.uploadId);
    return { path, bytes, outcome: 'published', ...(strict ? {} : { fallback: FALLBACK }) };
  }

  async verify(staged: StagedFile): Promise<Verification> {
    const { path, bytes } = staged;
    const { policy, checksum } = fromHandle(staged);
    const look = await this.#look(path, { policy });
    if (look === 'unreadable') return 'unreadable';
    const told = look === 'nothing' ? undefined : look.checksum;
    const problem =
      look === 'nothing'
        ? 'nothing stands there'
        : look.bytes !== bytes
          ? `${look.bytes} bytes stand there instead of ${bytes}`
          : told !== undefined && told !== checksum
            ? 'other bytes of the same number stand there'
            : undefined;
    if (problem === undefined) return told === undefined ? 'size' : 'checksum';
    throw new WaybillError(
      'verification-failed',
      'refused',
      `${this.#uri(path)} is not the file we published: ${problem}.`,
    );
  }

  async stat(path: string): Promise<{ readonly bytes: number } | null> {
    const look = await this.#look(path, { policy: 'none' });
    if (look === 'unreadable') throw this.#mayNotLook(path);
    return look === 'nothing' ? null : { bytes: look.bytes };
  }

  discard(staged: StagedFile): Promise<void> {
    return this.#abort(this.bucket, openUploadOf(staged));
  }

  async sweep(folder: string, _ownerPrefix: string, paths: readonly string[]): Promise<number> {
    // Without the right to list, they stay until the bucket removes them; the proof of the target said so.
    if (!this.findings.listUploads) return 0;
    const planned = new Set(paths);
    const prefix = pathIn(folder, '');
    const uploads = await this.#call('ListMultipartUploads', prefix, () => this.bucket.listUploads(prefix));
    const stale = uploads.filter(({ key }) => planned.has(key));
    for (const upload of stale) await this.#abort(this.bucket, upload);
    return stale.length;
  }

  close(): Promise<void> {
    this.release();
    return Promise.resolve();
  }

  /** Whether to ask the server to refuse a taken name: always, unless it is known not to understand. */
  #conditional(): boolean {
    return this.findings.conditionalComplete !== false;
  }

  /**
   * The answer to a completion says that it failed, or never came; what stands under the name says what happened. A server
   * may answer `NoSuchUpload` to a completion that it has already made, or 500, so no code is believed by itself.
   */
  async #afterFailure(staged: StagedFile, error: unknown): Promise<PublishedFile> {
    const { path } = staged;
    const failure = partnerError(error, 'CompleteMultipartUpload', this.#uri(path));
    const status = statusOf(error);
    const decided = status >= 400 && status < 500 && ![404, 408, 409, 412, 429].includes(status);
    if (decided) throw failure;
    const look = await this.#look(path, fromHandle(staged)).catch(() => {
      throw failure;
    });
    if (look === 'unreadable') throw [404, 409, 412].includes(status) ? this.#mayNotLook(path) : failure;
    if (look !== 'nothing') return this.#settle(staged, look);
    if (providerCodeOf(error) === 'NoSuchUpload') throw this.#lost(path);
    throw (await this.#isGone(staged)) ? this.#lost(path) : failure;
  }

  /** Ceph answers 500 to the completion of an upload that is gone, so it is asked for by name. */
  async #isGone(staged: StagedFile): Promise<boolean> {
    return this.bucket.listParts(openUploadOf(staged), fromHandle(staged).policy).then(
      () => false,
      (error: unknown) => statusOf(error) === 404,
    );
  }

  /** Something stands under the name: this file, or another. */
  async #settle(staged: StagedFile, standing: Standing): Promise<PublishedFile> {
    const { path, bytes } = staged;
    if (!(await this.#isThis(staged, standing))) {
      throw new WaybillError(
        'name-taken',
        'conflict',
        `${this.#uri(path)} holds another file (${standing.bytes} bytes; ours has ${bytes}). It was left as it is.`,
      );
    }
    await this.#abort(this.bucket, openUploadOf(staged));
    return { path, bytes, outcome: 'settled' };
  }

  async #isThis(staged: StagedFile, standing: Standing): Promise<boolean> {
    const { path, bytes, sha256 } = staged;
    const { stagingId, checksum } = fromHandle(staged);
    if (standing.bytes !== bytes) return false;
    if (standing.stagingId === stagingId) return true;
    // Parts are cut by size alone, so the same bytes have the same checksum of checksums.
    if (standing.checksum !== undefined && checksum !== null) return standing.checksum === checksum;
    return (await this.#call('GetObject', path, () => this.bucket.hash(path))) === sha256;
  }

  async #look(path: string, { policy }: Pick<StagedUpload, 'policy'>): Promise<Look> {
    try {
      return await this.bucket.head(path, policy);
    } catch (error) {
      this.environment.signal.throwIfAborted();
      const status = statusOf(error);
      if (status === 404) return 'nothing';
      if (status !== 403) throw partnerError(error, 'HeadObject', this.#uri(path));
      // Who may read and not list is told 403 of what is missing.
      return this.findings.read === true && !this.findings.list ? 'nothing' : 'unreadable';
    }
  }

  async #partsOf(staged: StagedFile): Promise<readonly PartTag[]> {
    const upload = fromHandle(staged);
    const known = partTagsOf(upload) ?? this.#parts.get(upload.uploadId);
    if (known) return known;
    const listed = await this.bucket.listParts(openUploadOf(staged), upload.policy).catch((error: unknown) => {
      if (statusOf(error) === 403) throw this.#lost(staged.path);
      throw error;
    });
    if (digestOfParts(listed) !== upload.partsDigest) throw this.#lost(staged.path);
    return listed;
  }

  /** Aborts an upload; one that is gone is as good. */
  async #abort(bucket: Bucket, upload: OpenUpload): Promise<void> {
    try {
      await bucket.abort(upload);
    } catch (error) {
      this.environment.signal.throwIfAborted();
      if (statusOf(error) !== 404) throw partnerError(error, 'AbortMultipartUpload', this.#uri(upload.key));
    }
    this.#forget(upload.uploadId);
  }

  /** After a failure, which is what the caller should hear of; an upload that cannot be aborted now is left to the sweep. */
  async #abandon(upload: OpenUpload): Promise<void> {
    await this.cleaner.abort(upload).catch(() => undefined);
    this.#forget(upload.uploadId);
  }

  #forget(uploadId: string): void {
    this.#parts.delete(uploadId);
    for (const [slot, upload] of this.#waiting) if (upload.uploadId === uploadId) this.#waiting.delete(slot);
  }

  async #call<T>(call: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.environment.signal.throwIfAborted();
      throw partnerError(error, call, this.#uri(path));
    }
  }

  #checkKey(path: string): void {
    const bytes = Buffer.byteLength(path);
    if (bytes <= MAX_KEY_BYTES) return;
    throw new WaybillError(
      'partner-rejected',
      'refused',
      `S3 takes keys of at most ${MAX_KEY_BYTES} bytes, and "${path.slice(0, 100)}…" has ${bytes}. Shorten the folder or the file name.`,
    );
  }

  #mayNotLook(path: string): WaybillError {
    return new WaybillError(
      'partner-permission-denied',
      'refused',
      `${this.#uri(path)} may hold this file or another, and we are not allowed to look. Grant s3:GetObject on the folder.`,
    );
  }

  #lost(path: string): WaybillError {
    return new WaybillError(
      'staged-file-lost',
      'refused',
      `The upload of ${this.#uri(path)} can no longer be completed: it was aborted, or its parts cannot be listed. Stage the file again.`,
    );
  }

  #uri(path: string): string {
    return `s3://${this.name}/${path}`;
  }
}

export const openSink =
  (gateway: Gateway, partSize?: (number: number) => number): NonNullable<Connector['openFileSink']> =>
  async (credentials, target, environment) => {
    const access = gateway.accessOf(credentials);
    const name = String(target['bucket']);
    const atAws = access.endpoint === undefined;
    const findings = targetFindings(credentials.findings, access.region, atAws);
    const client = await gateway.open(access, environment, ATTEMPTS).catch((error: unknown) => {
      throw partnerError(error, 'connect', `s3://${name}/`);
    });
    const bucket = openBucket(client, name, () => environment.signal);
    const grace = delayed(environment.signal, gateway.timeouts.cleanup);
    const starter = openBucket(client, name, () => grace);
    const cleaner = openBucket(client, name, () => AbortSignal.timeout(gateway.timeouts.cleanup));
    return new S3Sink(bucket, starter, cleaner, name, findings, atAws, environment, partSize, () => client.destroy());
  };
