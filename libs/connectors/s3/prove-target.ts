import { randomUUID } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { statusOf } from '../aws-failure.js';
import { Checklist, type Probe, type Problem } from '../checklist.js';
import { pathIn } from '../folder.js';
import type { Connector, Environment, Proof } from '../port.js';
import type { Access } from './access.js';
import { type Bucket, openBucket } from './bucket.js';
import { type ChecksumPolicy, compositeOf } from './checksum.js';
import { problemOf, regionIn } from './failure.js';
import type { TargetFindings } from './findings.js';
import type { Gateway } from './gateway.js';
import { iamPolicy } from './policy.js';
import { isRejection, ProbeFile } from './probe-file.js';
import { folderOf } from './spec.js';

/** What a server does that S3 does not, as far as delivery depends on it. */
class Departure extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** One proof of one target: the calls of a delivery on a probe file, then the removal of what they left. */
class TargetProof {
  readonly #checks = new Checklist((error, probe) => this.#explain(error, probe));
  readonly #probe: ProbeFile;
  #client: S3Client | undefined;
  #bucket!: Bucket;
  #blockedBy: string | undefined;

  constructor(
    private readonly gateway: Gateway,
    private readonly environment: Environment,
    private readonly name: string,
    private readonly folder: string,
    private access: Access,
  ) {
    this.#probe = new ProbeFile(pathIn(folder, `.waybill-probe-${randomUUID()}`), () => this.#bucket);
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
        const note = await this.#bucket.delete(this.#probe.key);
        if (note !== undefined) await this.#bucket.delete(this.#probe.key, note);
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
      () => this.#probe.start('sha256'),
      'An upload can be started.',
    );
    const sent = await this.#attempt(
      { name: 'multipart-part', call: 'UploadPart', resource: this.#uri() },
      () => this.#probe.findPolicy(started!),
      ({ policy }) =>
        policy === 'none'
          ? 'A part can be uploaded. The server checks no checksum of it.'
          : `A part can be uploaded, and the server checks its ${policy} checksum.`,
    );
    const uploads = await this.#attempt(
      { name: 'list-uploads', call: 'ListMultipartUploads', resource: this.#uri(), optional: true },
      () => this.#bucket.listUploads(this.#probe.key),
      'Unfinished uploads can be listed, so that those of a broken run are found and aborted.',
    );
    await this.#attempt(
      { name: 'multipart-abort', call: 'AbortMultipartUpload', resource: this.#uri() },
      () => this.#probe.abort(sent!),
      'An upload can be aborted; nothing of it is left.',
    );
    return { checksum: sent?.policy ?? 'none', listUploads: uploads !== undefined };
  }

  async #tryCompletion(policy: ChecksumPolicy): Promise<Pick<TargetFindings, 'conditionalComplete' | 'read'>> {
    let conditions = true;
    const first = await this.#attempt(
      { name: 'complete', call: 'CompleteMultipartUpload', resource: this.#uri() },
      async () => {
        const staged = await this.#probe.stage(policy);
        await this.#probe.complete(staged, true).catch((error: unknown) => {
          if (!isRejection(error)) throw error;
          conditions = false;
          return this.#probe.complete(staged, false);
        });
        return staged;
      },
      'An upload can be completed.',
    );
    const refused = await this.#attempt(
      { name: 'refuse-taken-name', call: 'CompleteMultipartUpload', resource: this.#uri(), optional: true },
      async () => {
        if (!conditions) throw NO_CONDITIONS;
        const error = await this.#probe.complete(await this.#probe.stage(policy), true).then(
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
        const standing = await this.#bucket.head(this.#probe.key, policy);
        if (standing.bytes !== this.#probe.bytes) throw otherThanSent(`${standing.bytes} bytes`);
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
    if (!this.#probe.leavesSomething) return;
    const signal = AbortSignal.timeout(this.gateway.timeouts.cleanup);
    const bucket = openBucket(this.#client!, this.name, () => signal);
    await this.#checks.run(
      { name: 'cleanup', call: 'DeleteObject', resource: this.#uri(), optional: true },
      () => this.#probe.remove(bucket),
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

  #uri(key = this.#probe.key): string {
    return `s3://${this.name}/${key}`;
  }
}

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
  cleanup: 'The probe file stays; delete it by hand.',
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
