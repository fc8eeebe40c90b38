import { performance } from 'node:perf_hooks';
import { acquireLease, type Database, endLease, type Lease, releaseLease } from '@waybill/postgres';

/** Profiles are shared out by a hash of their id; a share's profiles are sent by one process, for all destinations. */
export const SHARES = 16;

export interface ShareTiming {
  readonly leaseSeconds: number;
  readonly renewMs: number;
  /** How long after a renewal a holder may send: the rest of the lease is for what is on the wire then. */
  readonly sendMs: number;
}

export const DEFAULT_TIMING: ShareTiming = { leaseSeconds: 15, renewMs: 3_000, sendMs: 10_000 };

/** The shares that a process holds from one change of their number to the next. */
export interface Tenure {
  readonly leases: readonly Lease[];
  readonly shares: readonly number[];
  /** Aborts when the leases are lost, or about to end unrenewed. */
  readonly signal: AbortSignal;
  isOver(): boolean;
}

const nameOf = (share: number): string => `stream share ${share}`;
const PRESENCE = 'stream sender ';
const SWEEP_MS = 3_600_000;

/**
 * Takes shares for this process by lease: each process that is there holds its part, so that one that joins is given some
 * and those of one that dies go to the others. `turn` is to be called again and again.
 */
export class Shares {
  private readonly held = new Map<number, Lease>();
  private renewedAt = -Infinity;
  private sweptAt = -Infinity;
  private ending = new AbortController();
  private alarm: NodeJS.Timeout | undefined;
  private current: Tenure | undefined;

  constructor(
    private readonly database: Database,
    private readonly owner: string,
    /** Called before shares are given up or taken on: all sending stops, and is settled. */
    private readonly onEnd: () => Promise<void>,
    private readonly timing: ShareTiming = DEFAULT_TIMING,
  ) {}

  get tenure(): Tenure | undefined {
    return this.current && !this.current.isOver() ? this.current : undefined;
  }

  async turn(): Promise<void> {
    if (performance.now() - this.renewedAt >= this.timing.renewMs) await this.renew();
    if (performance.now() - this.sweptAt >= SWEEP_MS) await this.forgetTheDead();
    const { present, taken } = await this.look();
    const fair = Math.ceil(SHARES / Math.max(1, present));
    const surplus = [...this.held.keys()].slice(fair);
    if (surplus.length > 0) {
      await this.end();
      await this.giveUp(surplus);
    } else if (this.held.size < fair) {
      await this.takeOn(fair, taken);
    }
    if (!this.tenure && this.held.size > 0) {
      await this.end(); // of a tenure that ran out while the database was away
      this.begin();
    }
  }

  async stop(): Promise<void> {
    await this.end();
    await this.giveUp([...this.held.keys()]);
    await endLease(this.database, { name: PRESENCE + this.owner, owner: this.owner, epoch: 1 });
  }

  private async renew(): Promise<void> {
    const asked = performance.now();
    const { leaseSeconds } = this.timing;
    await acquireLease(this.database, PRESENCE + this.owner, this.owner, leaseSeconds);
    const renewed = await Promise.all(
      [...this.held].map(async ([share, lease]) => {
        const now = await acquireLease(this.database, nameOf(share), this.owner, leaseSeconds);
        return now?.epoch === lease.epoch;
      }),
    );
    this.renewedAt = asked;
    if (renewed.every(Boolean)) return this.setAlarm();
    // Somebody took over while we were away: what we hold is not what we think.
    this.ending.abort();
    await this.end();
    this.held.clear();
  }

  /** Processes that died leave the trace of their presence behind. */
  private async forgetTheDead(): Promise<void> {
    await this.database.pool.query(`delete from leases where name like $1 and expires_at < now() - interval '1 hour'`, [
      `${PRESENCE}%`,
    ]);
    this.sweptAt = performance.now();
  }

  /** How many processes are there, and which shares are held by any of them. */
  private async look(): Promise<{ readonly present: number; readonly taken: ReadonlySet<string> }> {
    const { rows } = await this.database.pool.query<{ name: string }>(
      `select name from leases where expires_at >= now() and (name like $1 or name like 'stream share %')`,
      [`${PRESENCE}%`],
    );
    const names = rows.map(({ name }) => name);
    return { present: names.filter((name) => name.startsWith(PRESENCE)).length, taken: new Set(names) };
  }

  private async takeOn(fair: number, taken: ReadonlySet<string>): Promise<void> {
    const free = Array.from({ length: SHARES }, (_, share) => share).filter((share) => !taken.has(nameOf(share)));
    if (free.length === 0) return;
    await this.end();
    for (const share of free.slice(0, fair - this.held.size)) {
      const lease = await acquireLease(this.database, nameOf(share), this.owner, this.timing.leaseSeconds);
      if (lease) this.held.set(share, lease);
    }
  }

  private begin(): void {
    this.ending = new AbortController();
    const { signal } = this.ending;
    const isOver = () => signal.aborted || performance.now() >= this.renewedAt + this.timing.sendMs;
    this.current = { leases: [...this.held.values()], shares: [...this.held.keys()], signal, isOver };
    this.setAlarm();
  }

  /** A timer, and not only a look at the clock before each request: those under way are to end as well. */
  private setAlarm(): void {
    clearTimeout(this.alarm);
    const ending = this.ending;
    this.alarm = setTimeout(() => ending.abort(), this.renewedAt + this.timing.sendMs - performance.now());
  }

  private async end(): Promise<void> {
    if (this.current) {
      await this.onEnd();
      this.current = undefined;
      this.ending.abort();
    }
    clearTimeout(this.alarm);
  }

  private async giveUp(shares: readonly number[]): Promise<void> {
    for (const share of shares) {
      const lease = this.held.get(share);
      this.held.delete(share);
      if (lease) await releaseLease(this.database, lease);
    }
  }
}
