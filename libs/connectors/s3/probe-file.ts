import { randomUUID } from 'node:crypto';
import type { Bucket, OpenUpload, PartTag } from './bucket.js';
import { CHECKSUM_POLICIES, type ChecksumPolicy } from './checksum.js';
import { statusOf } from '../aws-failure.js';

/** Tells whoever looks into the bucket at that moment what it is. */
const CONTENT = Buffer.from('Waybill tries whether it may deliver here, and removes this file.\n');

/** A server that does not know the header or the algorithm, as opposed to one that refuses us. */
export const isRejection = (error: unknown): boolean => [400, 405, 411, 501].includes(statusOf(error));

const following = (policy: ChecksumPolicy): ChecksumPolicy | undefined =>
  CHECKSUM_POLICIES[CHECKSUM_POLICIES.indexOf(policy) + 1];

export interface ProbeUpload extends OpenUpload {
  readonly policy: ChecksumPolicy;
}

export interface StagedProbe extends ProbeUpload {
  readonly parts: readonly PartTag[];
}

/** The file that a proof delivers, and all that has to be removed of it afterwards. */
export class ProbeFile {
  readonly bytes = CONTENT.length;
  readonly #open = new Set<OpenUpload>();
  /** Versions of the file that may stand; undefined is the file of a bucket that keeps none. */
  readonly #standing = new Set<string | undefined>();
  /** The answer to a start never came, so that an upload may be open whose name we do not know. */
  #lostSight = false;

  constructor(
    readonly key: string,
    private readonly bucket: () => Bucket,
  ) {}

  /** Starts an upload with the first policy from this one on that the server lets it begin with. */
  async start(policy: ChecksumPolicy): Promise<ProbeUpload> {
    try {
      const uploadId = await this.bucket().startUpload(this.key, policy, randomUUID());
      const upload = { key: this.key, uploadId, policy };
      this.#open.add(upload);
      return upload;
    } catch (error) {
      this.#lostSight ||= statusOf(error) === 0;
      const next = following(policy);
      if (next === undefined || !isRejection(error)) throw error;
      return this.start(next);
    }
  }

  /** Sends a part with the first policy from the upload's on whose checksum the server confirms; else with none. */
  async findPolicy(upload: ProbeUpload): Promise<ProbeUpload> {
    const next = following(upload.policy);
    try {
      const { checked } = await this.bucket().sendPart(upload, 1, CONTENT, upload.policy);
      if (checked || next === undefined) return upload;
    } catch (error) {
      if (next === undefined || !isRejection(error)) throw error;
    }
    await this.abort(upload);
    return this.findPolicy(await this.start(next));
  }

  async stage(policy: ChecksumPolicy): Promise<StagedProbe> {
    const upload = await this.start(policy);
    return { ...upload, parts: [await this.bucket().sendPart(upload, 1, CONTENT, policy)] };
  }

  async complete(staged: StagedProbe, ifFree: boolean): Promise<void> {
    const stoodAlready = this.#standing.has(undefined);
    // The answer may be lost after the work is done.
    this.#standing.add(undefined);
    try {
      const version = await this.bucket().complete(staged, staged.parts, staged.policy, ifFree);
      if (version !== undefined && !stoodAlready) this.#standing.delete(undefined);
      this.#standing.add(version);
      for (const upload of this.#open) if (upload.uploadId === staged.uploadId) this.#open.delete(upload);
    } catch (error) {
      const refused = statusOf(error) >= 400 && statusOf(error) < 500;
      if (refused && !stoodAlready) this.#standing.delete(undefined);
      throw error;
    }
  }

  async abort(upload: OpenUpload): Promise<void> {
    await this.bucket().abort(upload);
    this.#open.delete(upload);
  }

  /** Whether anything is left to be removed. */
  get leavesSomething(): boolean {
    return this.#lostSight || this.#open.size + this.#standing.size > 0;
  }

  /** Removes whatever is left, once: what it cannot remove, it forgets. */
  async remove(bucket: Bucket): Promise<void> {
    const [uploads, versions] = [[...this.#open], [...this.#standing]];
    this.#open.clear();
    this.#standing.clear();
    if (this.#lostSight) uploads.push(...(await bucket.listUploads(this.key)));
    this.#lostSight = false;
    for (const upload of uploads) {
      await bucket.abort(upload).catch((error: unknown) => {
        if (statusOf(error) !== 404) throw error;
      });
    }
    for (const version of versions) await bucket.delete(this.key, version);
  }
}
