/** Faults waiting for what they befall, oldest first. */
export class Faults<On, Fault> {
  readonly #waiting: { readonly on: On; readonly fault: Fault; left: number }[] = [];

  add(on: On, fault: Fault, times: number): void {
    this.#waiting.push({ on, fault, left: times });
  }

  take(on: On): Fault | undefined {
    const next = this.#waiting.find((each) => each.on === on && each.left > 0);
    if (next) next.left -= 1;
    return next?.fault;
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}
