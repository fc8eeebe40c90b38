import { append } from './append.js';
import { rebuild } from './rebuild.js';
import type { Bench } from './result.js';

/** Every bench by the name that `--only` takes, in the order of the table. */
export const benches: Readonly<Record<string, Bench>> = { append, rebuild };
