/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/(libs|services|tools)/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/lint/fixtures/'],
  modulePathIgnorePatterns: ['/dist/'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['waybill-source', 'node', 'node-addons'] },
  testTimeout: 30_000,
};
