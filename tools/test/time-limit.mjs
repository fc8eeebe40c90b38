// jest takes the limit of a test or hook from its command line or the whole run, not from a tier (jest.config.js names it).
import { jest } from '@jest/globals';

jest.setTimeout(globalThis.TIME_LIMIT_MS);
