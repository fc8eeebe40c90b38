import { Injectable } from '@nestjs/common';

/** Runs that a process executes at once. Each writes a file at most, which has buffers, a thread, and connections to both sides. */
export const AT_ONCE = 4;
/** Parts of any runs that a process stages beside them. */
const MOST_PARTS = 2;

/**
 * How many files a process writes now. Who executes a run never waits, so that a partner who hangs holds up nobody else's run.
 * Workers that stage parts take what is free of four; six it is when runs begin after that.
 */
@Injectable()
export class Pipelines {
  private busy = 0;
  private ofParts = 0;

  async use<T>(work: () => Promise<T>): Promise<T> {
    this.busy++;
    try {
      return await work();
    } finally {
      this.busy--;
    }
  }

  /** Answers what gives it back; undefined when there is none. */
  takeForPart(): (() => void) | undefined {
    if (this.busy >= AT_ONCE || this.ofParts >= MOST_PARTS) return undefined;
    this.busy++;
    this.ofParts++;
    return () => {
      this.busy--;
      this.ofParts--;
    };
  }
}
