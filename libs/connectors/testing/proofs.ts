import type { Check, Environment, Proof } from '../port.js';

/** What proofs and sinks run in, for specs. */
export const environment = (more: Partial<Environment> = {}): Environment => ({
  allowPrivateNetworks: true,
  signal: new AbortController().signal,
  ...more,
});

/** Aborts as a shutdown does once something has happened. */
export const abortedAfter = (event: Promise<unknown>): AbortSignal => {
  const abort = new AbortController();
  void event.then(() => abort.abort(new Error('shutting down')));
  return abort.signal;
};

/** Name and code of every check with this outcome. */
export const checksThat = (proof: Proof, outcome: Check['outcome']): readonly string[] =>
  proof.checks.filter((check) => check.outcome === outcome).map(({ name, code }) => `${name} ${code}`);

export const checkNamed = (proof: Proof, name: string): Check => {
  const found = proof.checks.find((check) => check.name === name);
  if (!found) throw new Error(`There is no check ${name} in ${JSON.stringify(proof.checks)}`);
  return found;
};
