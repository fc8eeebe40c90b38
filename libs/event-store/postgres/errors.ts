import { isWaybillError } from '@waybill/kernel';
import { isTransient } from '@waybill/postgres';
import { outcomeUnknown, storeUnavailable } from '../failures.js';

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
