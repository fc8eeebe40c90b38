import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

// The build leaves specs out; here they are compiled by the same rules.
const { exclude: _, ...swc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

const shared = {
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/fixtures/'],
  modulePathIgnorePatterns: ['/dist/'],
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false, sourceMaps: 'inline' }] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['waybill-source', 'node', 'node-addons'] },
};

/** A tier by its suffix; `npm test -- --selectProjects unit` runs one. */
const tier = (displayName, testMatch, options = {}) => ({ displayName, testMatch, ...shared, ...options });

/** How long a test or a hook may take unless it says otherwise. The first one may have to wait for a server to be made. */
const within = (ms) => ({
  globals: { TIME_LIMIT_MS: ms },
  setupFilesAfterEnv: ['<rootDir>/tools/test/time-limit.mjs'],
});

/**
 * Journeys that ask about one process, or start more of them, or take one apart, or look into PostgreSQL's event log; all
 * others run again on separate services.
 */
const ofOneProcess = ['configuration', 'crash-*', 'logs', 'shared-runs', 'streams-shared'];
const journeys = `<rootDir>/services/all-in-one/src/journeys/!(${ofOneProcess.join('|')}).process.spec.ts`;

/** @type {import('jest').Config} */
export default {
  maxWorkers: Math.max(2, availableParallelism() - 1),
  testTimeout: 30_000,
  globalSetup: '<rootDir>/libs/testkit/postgres/jest-setup.mjs',
  globalTeardown: '<rootDir>/libs/testkit/postgres/jest-teardown.mjs',
  projects: [
    tier('unit', ['<rootDir>/(libs|services|tools|cli)/**/!(*.contract|*.process|*.distributed).spec.ts']),
    tier('contract', ['<rootDir>/(libs|services|tools|cli)/**/*.contract.spec.ts'], within(60_000)),
    tier('process', ['<rootDir>/(libs|services|tools|cli)/**/*.process.spec.ts'], {
      ...within(180_000),
      runner: '<rootDir>/tools/test/one-at-a-time.mjs',
    }),
    // One process per service, on Kafka: the same journeys, and what only separate processes can go through.
    tier('distributed', ['<rootDir>/services/all-in-one/src/**/*.distributed.spec.ts', journeys], {
      ...within(180_000),
      runner: '<rootDir>/tools/test/one-at-a-time.mjs',
      globalSetup: '<rootDir>/tools/test/distributed/setup.mjs',
      globalTeardown: '<rootDir>/tools/test/distributed/teardown.mjs',
      testEnvironment: '<rootDir>/tools/test/distributed/environment.mjs',
    }),
  ],
};
