import { AsyncLocalStorage } from 'node:async_hooks';

/** Whose work a line of log tells of, as far as that is known. */
export interface LogOwner {
  readonly tenant?: string | undefined;
  readonly sandbox?: string | undefined;
  readonly correlationId?: string | undefined;
}

const owners = new AsyncLocalStorage<() => LogOwner>();

/** Each line that is logged within the work names its owner, who may become known only while it is done. */
export const loggedFor = <T>(owner: LogOwner | (() => LogOwner), work: () => T): T =>
  owners.run(typeof owner === 'function' ? owner : () => named(owner), work);

export const ownerOfLine = (): LogOwner => owners.getStore()?.() ?? {};

/** Contexts and messages hold more, which no line is to repeat. */
const named = ({ tenant, sandbox, correlationId }: LogOwner): LogOwner => ({ tenant, sandbox, correlationId });
