import { unlessAborted } from '../abort.js';
import type { Checklist, Outcome } from '../checklist.js';
import { SftpFailure } from './failure.js';
import type { SftpSession } from './session.js';

/** The checks in their order, with the call that each makes. */
const CALLS = {
  folder: 'SSH_FXP_STAT',
  'delete-missing': 'SSH_FXP_REMOVE',
  'make-folder': 'SSH_FXP_MKDIR',
  create: 'SSH_FXP_OPEN',
  write: 'SSH_FXP_WRITE',
  sync: 'fsync@openssh.com',
  size: 'SSH_FXP_STAT',
  rename: 'SSH_FXP_RENAME',
  'posix-rename': 'posix-rename@openssh.com',
  'read-back': 'SSH_FXP_READ',
  'rename-refused': 'SSH_FXP_RENAME',
  delete: 'SSH_FXP_REMOVE',
} as const;

export type CheckName = keyof typeof CALLS;

/** A check that delivery cannot do without failed; it stands in the report. */
export class Stopped extends Error {}

/** The checks of one target: each at most once, and those that were never reached as skipped. */
export class TargetReport {
  readonly #open = new Set(Object.keys(CALLS) as CheckName[]);

  constructor(
    private readonly checks: Checklist,
    private readonly resource: (path: string) => string,
    private readonly folder: string,
    private readonly signal: AbortSignal,
  ) {}

  async note<T>(
    name: CheckName,
    path: string,
    work: () => Promise<T>,
    passed: string,
    optional = false,
  ): Promise<Outcome<T>> {
    this.#open.delete(name);
    const call = name === 'delete' ? work : () => unlessAborted(this.signal, work());
    return this.checks.run({ ...this.#probe(name, path), ...(optional ? { optional } : {}) }, call, passed);
  }

  async must<T>(name: CheckName, path: string, work: () => Promise<T>, passed: string): Promise<T> {
    const outcome = await this.note(name, path, work, passed);
    if (!outcome.passed) throw new Stopped();
    return outcome.value;
  }

  /** What does not apply to this target. */
  drop(...names: readonly CheckName[]): void {
    for (const name of names) this.#open.delete(name);
  }

  skip(names: Iterable<CheckName>, why: string): void {
    for (const name of [...names]) {
      this.#open.delete(name);
      this.checks.skipped(this.#probe(name, this.folder), why);
    }
  }

  skipTheRest(why: string): void {
    this.skip(this.#open, why);
  }

  #probe(name: CheckName, path: string) {
    return { name, call: CALLS[name], resource: this.resource(path) };
  }
}

/** What the proof put at the partner, to be taken back in any case. */
export class Probes {
  readonly #left = new Map<string, 'file' | 'folder'>();

  constructor(private readonly session: SftpSession) {}

  async create(path: string): Promise<Buffer> {
    this.#left.set(path, 'file');
    return this.session.create(path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#left.set(path, 'folder');
    return this.session.makeFolder(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.session.rename(from, to, 0);
    this.#renamed(from, to);
  }

  async posixRename(from: string, to: string): Promise<void> {
    await this.session.posixRename(from, to, 0);
    this.#renamed(from, to);
  }

  /** The last first, so that a folder is empty by then. */
  async remove(report: TargetReport): Promise<void> {
    const paths = [...this.#left].reverse();
    const [last] = paths;
    if (last === undefined) return;
    const stays: string[] = [];
    let failure: SftpFailure | undefined;
    const removeAll = async () => {
      for (const [path, kind] of paths) {
        try {
          await (kind === 'file' ? this.session.remove(path) : this.session.removeFolder(path));
        } catch (error) {
          if (!(error instanceof SftpFailure)) throw error;
          failure = error;
          stays.push(path);
        }
      }
      if (!failure) return;
      const named = stays.map((path) => `"${path}"`).join(' and ');
      throw new SftpFailure(
        failure.code,
        `${failure.message} So ${named} may stay at the partner.`,
        `Ask the partner to delete ${named}, and to grant this user the right to delete.`,
        failure.provider,
      );
    };
    await report.note('delete', last[0], removeAll, 'Everything that was tried here was deleted again.');
  }

  #renamed(from: string, to: string): void {
    this.#left.delete(from);
    this.#left.set(to, 'file');
  }
}
