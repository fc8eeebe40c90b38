/** Faults waiting for what they befall, oldest first. */
export class Faults<On, Fault> {
  readonly #waiting: { readonly on: On; readonly fault: Fault; left: number }[] = [];
  readonly #watchers: { readonly on: On; readonly tell: () => void }[] = [];

  add(on: On, fault: Fault, times: number): void {
    this.#waiting.push({ on, fault, left: times });
  }

  /** Resolves with the next request for what faults wait for, whether one befalls it or none. */
  nextOf(on: On): Promise<void> {
    return new Promise((tell) => this.#watchers.push({ on, tell }));
  }

  take(on: On): Fault | undefined {
    for (const watcher of this.#watchers.filter((each) => each.on === on)) {
      this.#watchers.splice(this.#watchers.indexOf(watcher), 1);
      watcher.tell();
    }
    const next = this.#waiting.find((each) => each.on === on && each.left > 0);
    if (next) next.left -= 1;
    return next?.fault;
  }

  clear(): void {
    this.#watchers.length = 0;
    this.#waiting.length = 0;
  }
}
