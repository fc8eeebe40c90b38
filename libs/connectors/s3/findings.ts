import type { Findings } from '../port.js';
import { CHECKSUM_POLICIES, type ChecksumPolicy } from './checksum.js';

/**
 * What the proof of a target found. null is what it could not try, because it would have left something behind.
 * `read`: heads and reads of files are allowed; `list`: so that a missing file is told from a forbidden one.
 */
export interface TargetFindings {
  readonly region: string;
  readonly checksum: ChecksumPolicy;
  /** Whether completing under `If-None-Match: *` refuses a taken name. */
  readonly conditionalComplete: boolean | null;
  readonly list: boolean;
  readonly listUploads: boolean;
  readonly read: boolean | null;
  readonly delete: boolean;
}

const isPolicy = (value: unknown): value is ChecksumPolicy => CHECKSUM_POLICIES.some((policy) => policy === value);

const flag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);

/** Findings as a destination remembers them. Of a target that was never proven: what AWS does. */
export const targetFindings = (findings: Findings, region: string, atAws: boolean): TargetFindings => {
  const { checksum, conditionalComplete, list, listUploads, read } = findings;
  return {
    region,
    checksum: isPolicy(checksum) ? checksum : atAws ? 'sha256' : 'none',
    conditionalComplete: flag(conditionalComplete),
    list: list !== false,
    listUploads: listUploads !== false,
    read: flag(read),
    delete: findings['delete'] !== false,
  };
};
