import type { Check, CheckCode, Findings, Proof } from './port.js';

/** Why a check failed, in the words of the report. */
export interface Diagnosis {
  readonly code: CheckCode;
  /** The provider's own code, put after a slash. */
  readonly providerCode?: string | undefined;
  readonly message: string;
  readonly remedy: string;
}

export type CheckSubject = Pick<Check, 'name' | 'call' | 'resource' | 'optional'>;

/** Writes the report of a proof: one entry per check, in the order tried. */
export interface ProofReport {
  /**
   * Tries one right. `work` answers what to say of it when it passed. A failure is diagnosed and recorded; the answer
   * says whether the check passed.
   */
  check(subject: CheckSubject, work: () => Promise<string>): Promise<boolean>;
  /** Records what was left out, and why. */
  skip(subject: CheckSubject, message: string, code?: CheckCode): void;
  /** Keeps what delivery relies on. */
  find(findings: Findings): void;
  finish(unconfirmedHostKey?: Proof['unconfirmedHostKey']): Proof;
}

export const openProofReport = (diagnose: (error: unknown) => Diagnosis): ProofReport => {
  const checks: Check[] = [];
  const findings: Record<string, Findings[string]> = {};
  const record = (
    subject: CheckSubject,
    entry: Pick<Check, 'outcome' | 'code' | 'message' | 'remedy' | 'durationMs'>,
  ) => checks.push({ ...subject, ...entry });
  return {
    check: async (subject, work) => {
      const started = performance.now();
      const took = () => Math.round(performance.now() - started);
      try {
        const message = await work();
        record(subject, { outcome: 'passed', code: 'ok', message, remedy: '', durationMs: took() });
        return true;
      } catch (error) {
        const { code, providerCode, message, remedy } = diagnose(error);
        record(subject, {
          outcome: 'failed',
          code: providerCode ? `${code}/${providerCode}` : code,
          message,
          remedy,
          durationMs: took(),
        });
        return false;
      }
    },
    skip: (subject, message, code = 'not-tried') => {
      record(subject, { outcome: 'skipped', code, message, remedy: '', durationMs: 0 });
    },
    find: (found) => {
      Object.assign(findings, found);
    },
    finish: (unconfirmedHostKey) => ({
      outcome: checks.some(({ outcome, optional }) => outcome === 'failed' && !optional) ? 'failed' : 'passed',
      checks,
      findings,
      ...(unconfirmedHostKey ? { unconfirmedHostKey } : {}),
    }),
  };
};
