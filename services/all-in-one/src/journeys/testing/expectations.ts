import type { Answer } from './api.js';

/** The status, and of a problem its slug, for one expectation over both: `409 account-in-use`, `201`. */
export const outcomeOf = ({ status, problem }: Answer<unknown>): string => {
  const slug = /^\/problems\/(.+)$/.exec(problem?.type ?? '')?.[1];
  return slug === undefined ? String(status) : `${status} ${slug}`;
};

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
