import type { Priority } from './feed.js';

/** Lets one after the other have its turn, in the order of asking; those of the live lane first. */
export class Turn {
  private isTaken = false;
  private readonly waiting: Record<Priority, (() => void)[]> = { live: [], slow: [] };

  async take<T>(priority: Priority, work: () => Promise<T>): Promise<T> {
    if (this.isTaken) await new Promise<void>((begin) => this.waiting[priority].push(begin));
    this.isTaken = true;
    try {
      return await work();
    } finally {
      const next = this.waiting.live.shift() ?? this.waiting.slow.shift();
      if (next) next();
      else this.isTaken = false;
    }
  }
}
