import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';
import { packageWalls, folderWalls } from './tools/lint/walls.mjs';

// The walls between packages are skipped in silence where Nx has no graph of them.
await createProjectGraphAsync();

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', 'tools/lint/fixtures/**'] },
  {
    files: ['**/*.{js,mjs}'],
    extends: [...tseslint.configs.recommended, prettier],
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked, prettier],
    plugins: { '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...packageWalls,
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // An adapter answers a promise because its port does, whether it waits or not.
      '@typescript-eslint/require-await': 'off',
      // Ports are made of closures: taking a method out of one is safe.
      '@typescript-eslint/unbound-method': 'off',
      // `'head' | string` tells the reader what the string may be.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      eqeqeq: ['error', 'smart'],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.{ts,js,mjs}'],
    rules: {
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
    },
  },
  // Matchers (`expect.any`) are typed `any`.
  {
    files: ['**/*.spec.ts', '**/*-suite.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  // These talk to the person who started them.
  { files: ['tools/**/*.ts', 'cli/**/*.ts', 'libs/testkit/{install,prepare}/**/*.ts'], rules: { 'no-console': 'off' } },
  ...folderWalls,
);
