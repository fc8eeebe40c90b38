import type { Check, CheckCode, Findings, Proof } from './port.js';

/** Why a check failed. `provider` is the partner's own code, where there is one. */
export interface Problem {
  readonly code: CheckCode;
  readonly provider?: string | undefined;
  readonly message: string;
  readonly remedy: string;
}

/** What a check is about to try. */
export type Probe = Pick<Check, 'name' | 'call' | 'resource' | 'optional'>;

export type Outcome<T> =
  | { readonly passed: true; readonly value: T }
  | { readonly passed: false; readonly problem: Problem; readonly error: unknown };

/** Gathers the checks of one proof, in the order in which they were made. */
export class Checklist {
  readonly #checks: Check[] = [];

  /** `explain` turns what a call threw into plain words; it is given the probe that met it. */
  constructor(private readonly explain: (error: unknown, probe: Probe) => Problem) {}

  /** Makes one call and notes what came of it. `message` says in plain words what is now known. */
  async run<T>(probe: Probe, call: () => Promise<T>, message: string | ((value: T) => string)): Promise<Outcome<T>> {
    const startedAt = performance.now();
    try {
      const value = await call();
      this.passed(probe, typeof message === 'string' ? message : message(value), startedAt);
      return { passed: true, value };
    } catch (error) {
      const problem = this.explain(error, probe);
      this.failed(probe, problem, startedAt);
      return { passed: false, problem, error };
    }
  }

  passed(probe: Probe, message: string, startedAt = performance.now()): void {
    this.#note(probe, 'passed', { code: 'ok', message, remedy: '' }, startedAt);
  }

  failed(probe: Probe, problem: Problem, startedAt = performance.now()): void {
    this.#note(probe, 'failed', problem, startedAt);
  }

  /** For a check that an earlier failure made pointless, or that would leave something behind. */
  skipped(probe: Probe, message: string, remedy = ''): void {
    this.#note(probe, 'skipped', { code: 'not-tried', message, remedy }, performance.now());
  }

  proof(findings: Findings): Proof {
    const failed = this.#checks.some(({ outcome, optional }) => outcome === 'failed' && !optional);
    return { outcome: failed ? 'failed' : 'passed', checks: this.#checks, findings };
  }

  #note(probe: Probe, outcome: Check['outcome'], problem: Problem, startedAt: number): void {
    const { code, provider, message, remedy } = problem;
    this.#checks.push({
      ...probe,
      outcome,
      code: provider === undefined ? code : `${code}/${provider}`,
      message,
      remedy,
      durationMs: Math.round(performance.now() - startedAt),
    });
  }
}
