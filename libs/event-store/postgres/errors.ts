import { isWaybillError, WaybillError } from '@waybill/kernel';
import { isTransient } from '@waybill/postgres';

const RETRY = { retryAfterSeconds: 1 };

/** Nothing was sent, or the database answered that it did nothing. */
export const storeUnavailable = (cause: unknown): WaybillError =>
  new WaybillError('event-store-unavailable', 'unavailable', 'The event log does not answer; try again shortly.', {
    ...RETRY,
    cause,
  });

const outcomeUnknown = (cause: unknown): WaybillError =>
  new WaybillError(
    'outcome-unknown',
    'unavailable',
    'The event log did not say whether it took the events; repeat the same command.',
    { ...RETRY, cause },
  );

/** What a failed statement that changes something means. */
export const writeFailure = (error: Error): Error => {
  if (isWaybillError(error)) return error;
  const { code } = error as { code?: unknown };
  const answered = typeof code === 'string' && SQLSTATE.test(code) && !CONNECTION_ENDED.test(code);
  if (!answered) return outcomeUnknown(error);
  return isTransient(error) ? storeUnavailable(error) : error;
};

export const readFailure = (error: Error): Error => (isTransient(error) ? storeUnavailable(error) : error);

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** A server that goes down may end a session between its commit and its answer. */
const CONNECTION_ENDED = /^(08|57P)/;
