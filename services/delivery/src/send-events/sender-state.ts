import { type WaybillError, isWaybillError } from '@waybill/kernel';

/** How the sending to one destination goes, for the run and the metrics. */
export interface SenderState {
  /**
   * `starting`: not connected yet. `throttled`: the partner slows us down. `unavailable`: the partner, or a part of ours, does
   * not answer. `refused`: the partner refuses the account or the target. The last two are tried again until they mend.
   */
  readonly state: 'starting' | 'sending' | 'throttled' | 'unavailable' | 'refused';
  readonly since: string;
  /** What is wrong, and how to mend it. */
  readonly problem: { readonly slug: string; readonly message: string } | null;
}

export const stateNow = (state: SenderState['state'], problem: SenderState['problem'] = null): SenderState => ({
  state,
  since: new Date().toISOString(),
  problem,
});

const BY_GRAVITY: readonly SenderState['state'][] = ['refused', 'unavailable', 'throttled', 'starting', 'sending'];

/** Of two that hold at once, the one that tells more. */
export const graverOf = (a: SenderState, b: SenderState): SenderState =>
  BY_GRAVITY.indexOf(a.state) <= BY_GRAVITY.indexOf(b.state) ? a : b;

/** The same again is no news: it stays as old as it is. */
export const unlessSame = (known: SenderState | undefined, next: SenderState): SenderState =>
  known?.state === next.state && known.problem?.message === next.problem?.message ? known : next;

const DEFECT = { slug: 'internal-error', message: 'Something went wrong here; the log says what. It is tried again.' };

/** What an error that stops the sending makes of it. What it was is told for errors of ours only. */
export const stateAfter = (error: unknown): SenderState => {
  if (!isWaybillError(error)) return stateNow('unavailable', DEFECT);
  const { slug, message }: WaybillError = error;
  return stateNow(error.kind === 'unavailable' ? 'unavailable' : 'refused', { slug, message });
};
