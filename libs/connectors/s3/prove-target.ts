import { randomUUID } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { Checklist, type Probe, type Problem } from '../checklist.js';
import { pathIn } from '../folder.js';
import type { Connector, Environment, Proof } from '../port.js';
import type { Access } from './access.js';
import { type Bucket, openBucket, type OpenUpload, type SentPart } from './bucket.js';
import { CHECKSUM_POLICIES, type ChecksumPolicy, compositeOf } from './checksum.js';
import { problemOf, regionIn, statusOf } from './failure.js';
import type { TargetFindings } from './findings.js';
import type { Gateway } from './gateway.js';
import { iamPolicy } from './policy.js';
import { folderOf } from './spec.js';

/** Tells whoever looks into the bucket at that moment what it is. */
const CONTENT = Buffer.from('Waybill tries whether it may deliver here, and removes this file.\n');

/** A server that does not know the header or the algorithm, as opposed to one that refuses us. */
const isRejection = (error: unknown): boolean => [400, 405, 411, 501].includes(statusOf(error));

/** What a server does that S3 does not, as far as delivery depends on it. */
class Departure extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

interface ProbeUpload extends OpenUpload {
  readonly policy: ChecksumPolicy;
}

/** One proof of one target: the calls of a delivery on a probe file, then the removal of what they left. */
class TargetProof {
  readonly #checks = new Checklist((error, probe) => this.#explain(error, probe));
  readonly #key: string;
  readonly #open = new Set<OpenUpload>();
  #client: S3Client | undefined;
  #bucket!: Bucket;
  #blockedBy: string | undefined;
  #standing: { readonly versionId: string | undefined } | undefined;

  constructor(
    private readonly gateway: Gateway,
    private readonly environment: Environment,
    private readonly name: string,
    private readonly folder: string,
    private access: Access,
  ) {
    this.#key = pathIn(folder, `.waybill-probe-${randomUUID()}`);
  }

  async prove(): Promise<Proof> {
    try {
      const list = await this.#locate();
      const mayDelete = await this.#tryDelete();
      const { checksum, listUploads } = await this.#tryMultipart();
      const completion = mayDelete ? await this.#tryCompletion(checksum) : this.#leaveCompletion();
      await this.#cleanUp();
      if (this.#blockedBy !== undefined) return this.#checks.proof({});
      const findings: TargetFindings = {
        region: this.access.region,
        checksum,
        list,
        listUploads,
        delete: mayDelete,
        ...completion,
      };
      return this.#checks.proof({ ...findings });
    } finally {
      await this.#cleanUp();
      this.#client?.destroy();
    }
  }

  /** The bucket, its region, and the right to list, all from one call. Answers whether listing is allowed. */
  async #locate(): Promise<boolean> {
    const [call, resource] = ['ListObjectsV2', this.#uri(pathIn(this.folder, ''))];
    let error: unknown;
    let code: Problem['code'] = 'ok';
    await this.#attempt(
      { name: 'bucket', call, resource },
      async () => {
        error = await this.#list();
        code = error === undefined ? 'ok' : problemOf(error).code;
        if (!['ok', 'permission-denied', 'wrong-region'].includes(code)) throw error;
      },
      () => (code === 'ok' ? 'The bucket is there.' : 'The bucket is there, or hidden from those who may not list it.'),
    );
    await this.#attempt(
      { name: 'region', call, resource },
      async () => {
        if (code === 'wrong-region') throw error;
        return Promise.resolve();
      },
      () => `The bucket takes signatures for ${this.access.region}.`,
    );
    const listed = await this.#attempt(
      { name: 'list', call, resource, optional: true },
      () => (code === 'ok' ? Promise.resolve(true) : Promise.reject(error as Error)),
      'The folder can be listed.',
    );
    return listed ?? false;
  }

  /** Answers what went wrong. A bucket in another region than we thought is asked there, unless the account states one. */
  async #list(): Promise<unknown> {
    const ask = async (): Promise<unknown> => {
      try {
        await this.#connect();
        return await this.#bucket.list(pathIn(this.folder, '')).then(() => undefined);
      } catch (error) {
        return error;
      }
    };
    const error = await ask();
    const right = error === undefined ? undefined : regionIn(error);
    if (right === undefined || right === this.access.region || this.access.statedRegion !== undefined) return error;
    this.access = { ...this.access, region: right };
    return ask();
  }

  async #connect(): Promise<void> {
    this.#client?.destroy();
    this.#client = await this.gateway.open(this.access, this.environment, 2);
    const { signal } = this.environment;
    this.#bucket = openBucket(this.#client, this.name, () =>
      AbortSignal.any([signal, AbortSignal.timeout(this.gateway.timeouts.probe)]),
    );
  }

  /** Tried on a name that nothing stands under, so that nothing is lost or left whatever the answer. */
  async #tryDelete(): Promise<boolean> {
    const deleted = await this.#attempt(
      { name: 'delete', call: 'DeleteObject', resource: this.#uri(), optional: true },
      async () => {
        // A bucket that keeps versions notes even this deletion; the note is removed again.
        const note = await this.#bucket.delete(this.#key);
        if (note !== undefined) await this.#bucket.delete(this.#key, note);
        return true;
      },
      'Files can be deleted.',
    );
    return deleted ?? false;
  }

  /** The two rights that delivery cannot do without: to put, and to abort. */
  async #tryMultipart(): Promise<Pick<TargetFindings, 'checksum' | 'listUploads'>> {
    const started = await this.#attempt(
      { name: 'multipart-start', call: 'CreateMultipartUpload', resource: this.#uri() },
      () => this.#start('sha256'),
      'An upload can be started.',
    );
    const sent = await this.#attempt(
      { name: 'multipart-part', call: 'UploadPart', resource: this.#uri() },
      () => this.#findPolicy(started!),
      ({ policy }) =>
        policy === 'none'
          ? 'A part can be uploaded. The server checks no checksum of it.'
          : `A part can be uploaded, and the server checks its ${policy} checksum.`,
    );
    const uploads = await this.#attempt(
      { name: 'list-uploads', call: 'ListMultipartUploads', resource: this.#uri(), optional: true },
      () => this.#bucket.listUploads(this.#key),
      'Unfinished uploads can be listed, so that those of a broken run are found and aborted.',
    );
    await this.#attempt(
      { name: 'multipart-abort', call: 'AbortMultipartUpload', resource: this.#uri() },
      () => this.#abort(sent!),
      'An upload can be aborted; nothing of it is left.',
    );
    return { checksum: sent?.policy ?? 'none', listUploads: uploads !== undefined };
  }

  /** The first policy from this one on with which the server lets an upload begin. */
  async #start(policy: ChecksumPolicy): Promise<ProbeUpload> {
    try {
      const uploadId = await this.#bucket.startUpload(this.#key, policy, randomUUID());
      const upload = { key: this.#key, uploadId, policy };
      this.#open.add(upload);
      return upload;
    } catch (error) {
      const next = following(policy);
      if (next === undefined || !isRejection(error)) throw error;
      return this.#start(next);
    }
  }

  /** The first policy from this upload's on with which a part is taken and its checksum confirmed. */
  async #findPolicy(upload: ProbeUpload): Promise<ProbeUpload> {
    const next = following(upload.policy);
    try {
      const part = await this.#bucket.sendPart(upload, 1, CONTENT, upload.policy);
      if (part.checked || next === undefined) return upload;
    } catch (error) {
      if (next === undefined || !isRejection(error)) throw error;
    }
    await this.#abort(upload);
    return this.#findPolicy(await this.#start(next));
  }

  async #abort(upload: OpenUpload): Promise<void> {
    await this.#bucket.abort(upload);
    this.#open.delete(upload);
  }

  async #tryCompletion(policy: ChecksumPolicy): Promise<Pick<TargetFindings, 'conditionalComplete' | 'read'>> {
    const stage = async (): Promise<{ upload: ProbeUpload; parts: readonly SentPart[] }> => {
      const upload = await this.#start(policy);
      return { upload, parts: [await this.#bucket.sendPart(upload, 1, CONTENT, policy)] };
    };
    const complete = async ({ upload, parts }: Awaited<ReturnType<typeof stage>>, ifFree: boolean): Promise<void> => {
      const versionId = await this.#bucket.complete(upload, parts, policy, ifFree);
      this.#open.delete(upload);
      this.#standing = { versionId };
    };
    let conditions = true;
    const first = await this.#attempt(
      { name: 'complete', call: 'CompleteMultipartUpload', resource: this.#uri() },
      async () => {
        const staged = await stage();
        await complete(staged, true).catch((error: unknown) => {
          if (!isRejection(error)) throw error;
          conditions = false;
          return complete(staged, false);
        });
        return staged;
      },
      'An upload can be completed.',
    );
    const refused = await this.#attempt(
      { name: 'refuse-taken-name', call: 'CompleteMultipartUpload', resource: this.#uri(), optional: true },
      async () => {
        if (!conditions) throw NO_CONDITIONS;
        const error = await complete(await stage(), true).then(
          () => NO_CONDITIONS,
          (thrown: unknown) => thrown,
        );
        if (![409, 412].includes(statusOf(error))) throw error;
        return true;
      },
      'The server itself refuses a second file under a name (If-None-Match: *).',
    );
    const head = await this.#attempt(
      { name: 'head', call: 'HeadObject', resource: this.#uri(), optional: refused === true },
      async () => {
        const standing = await this.#bucket.head(this.#key, policy);
        if (standing.bytes !== CONTENT.length) throw otherThanSent(`${standing.bytes} bytes`);
        const expected = compositeOf(policy, first?.parts.map(({ checksum }) => checksum) ?? []);
        if (standing.checksum !== undefined && standing.checksum !== expected) throw otherThanSent('another checksum');
        return standing;
      },
      ({ checksum }) =>
        checksum === undefined
          ? 'The file has the size that was sent; the server tells no checksum.'
          : 'The file has the size and the checksum that were sent.',
    );
    return { conditionalComplete: refused ?? false, read: head !== undefined };
  }

  /** Where deletion is denied, a completed file would stay. */
  #leaveCompletion(): Pick<TargetFindings, 'conditionalComplete' | 'read'> {
    const reason = 'Not tried, since the probe file could not be deleted again.';
    for (const [name, call, optional] of [
      ['complete', 'CompleteMultipartUpload', false],
      ['refuse-taken-name', 'CompleteMultipartUpload', true],
      ['head', 'HeadObject', true],
    ] as const) {
      const blocked = this.#blockedBy === undefined ? reason : notTried(this.#blockedBy);
      this.#checks.skipped({ name, call, resource: this.#uri(), optional }, blocked);
    }
    return { conditionalComplete: null, read: null };
  }

  /** Called a second time when the proof ends early; then, and when all went well, there is nothing to do. */
  async #cleanUp(): Promise<void> {
    if (this.#open.size === 0 && this.#standing === undefined) return;
    const signal = AbortSignal.timeout(this.gateway.timeouts.cleanup);
    const bucket = openBucket(this.#client!, this.name, () => signal);
    const [uploads, standing] = [[...this.#open], this.#standing];
    this.#open.clear();
    this.#standing = undefined;
    await this.#checks.run(
      { name: 'cleanup', call: 'DeleteObject', resource: this.#uri(), optional: true },
      async () => {
        if (standing) await bucket.delete(this.#key, standing.versionId);
        for (const upload of uploads) await bucket.abort(upload);
      },
      'The probe file is removed.',
    );
  }

  /** One check; after one that delivery cannot do without has failed, the others are not tried. */
  async #attempt<T>(
    probe: Probe,
    call: () => Promise<T>,
    message: string | ((value: T) => string),
  ): Promise<T | undefined> {
    this.environment.signal.throwIfAborted();
    if (this.#blockedBy !== undefined) {
      this.#checks.skipped(probe, notTried(this.#blockedBy));
      return undefined;
    }
    const outcome = await this.#checks.run(probe, call, message);
    if (outcome.passed) return outcome.value;
    this.environment.signal.throwIfAborted();
    if (!probe.optional) this.#blockedBy = probe.name;
    return undefined;
  }

  #explain(error: unknown, { name, optional }: Probe): Problem {
    if (error instanceof Departure) {
      return { code: 'not-supported', message: error.message, remedy: error.remedy };
    }
    const problem = problemOf(error);
    if (problem.code === 'permission-denied') {
      return { ...problem, message: `${problem.message} ${WITHOUT[name] ?? ''}`.trim(), remedy: this.#grant(optional) };
    }
    if (problem.code === 'wrong-region' && this.access.statedRegion !== undefined) {
      return {
        ...problem,
        message: `The account states the region ${this.access.statedRegion}. ${problem.message}`,
        remedy: `${problem.remedy.replace(/\.$/, '')}, or leave it out of the account.`,
      };
    }
    return problem;
  }

  #grant(everything = false): string {
    return `Grant this policy: ${iamPolicy(this.name, this.folder, this.access.region, everything)}`;
  }

  #uri(key = this.#key): string {
    return `s3://${this.name}/${key}`;
  }
}

const following = (policy: ChecksumPolicy): ChecksumPolicy | undefined =>
  CHECKSUM_POLICIES[CHECKSUM_POLICIES.indexOf(policy) + 1];

const notTried = (name: string): string => `Not tried, since "${name}" failed.`;

const NO_CONDITIONS = new Departure(
  'The server does not refuse a second file under a name (If-None-Match: *).',
  'Nothing needs doing: deliveries look at the name before they complete a file, and say so in the run.',
);

const otherThanSent = (what: string): Departure =>
  new Departure(`The server answers with ${what} for what was sent.`, 'Ask the partner to look into their store.');

/** What delivery does without a right that is only useful. */
const WITHOUT: Readonly<Record<string, string>> = {
  list: 'Deliveries do without.',
  delete: 'Deliveries do without; this proof tries less, since it could not remove its probe file.',
  head: 'Deliveries then cannot look at what they published.',
  'list-uploads': 'Unfinished uploads of a broken run then stay until the bucket removes them (a lifecycle rule).',
};

/** The very calls that delivery makes, inside the folder, and nothing left behind. */
export const proveTarget =
  (gateway: Gateway): Connector['proveTarget'] =>
  (credentials, target, environment) =>
    new TargetProof(
      gateway,
      environment,
      String(target['bucket']),
      folderOf(target),
      gateway.accessOf(credentials),
    ).prove();
