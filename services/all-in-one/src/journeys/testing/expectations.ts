import type { Answer } from './api.js';

/** The status and the slug of a problem, for one expectation over both. */
export const refusalOf = ({ status, problem }: Answer<unknown>) =>
  `${status} ${problem?.type?.replace('/problems/', '')}`;

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
