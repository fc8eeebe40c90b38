import { Injectable } from '@nestjs/common';

/** Files that a process writes at once, whatever runs they are of: each has buffers, a thread, and connections to both sides. */
export const AT_ONCE = 4;

/**
 * Who may write a file now. Whoever executes a run waits for a turn; workers that stage parts of runs take what is free, and
 * leave one free unless they have none, so that a large run holds up no small one.
 */
@Injectable()
export class Pipelines {
  private busy = 0;
  private ofParts = 0;
  private readonly queue: (() => void)[] = [];

  /** Rejects with the signal's reason when that aborts while it waits. */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.busy < AT_ONCE) this.busy++;
    else await this.turn(signal);
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  /** Answers what gives it back; undefined when there is none for parts. */
  takeForPart(): (() => void) | undefined {
    const most = this.ofParts === 0 ? AT_ONCE : AT_ONCE - 1;
    if (this.busy >= most) return undefined;
    this.busy++;
    this.ofParts++;
    return () => {
      this.ofParts--;
      this.release();
    };
  }

  /** Whoever gives one back hands it to who waits first. */
  private turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      const give = () => {
        this.queue.splice(this.queue.indexOf(go), 1);
        reject(signal.reason as Error);
      };
      signal.throwIfAborted();
      signal.addEventListener('abort', give, { once: true });
      this.queue.push(go);
    });
  }

  private release(): void {
    const next = this.queue.shift();
    if (next) next();
    else this.busy--;
  }
}
