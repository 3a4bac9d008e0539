import { defineConfig } from 'vitest/config'

/** Dialogues of every kind, run once more with both legs of the proxy cut into random pieces. */
const dialogues = [
  'test/integration/record-contract.test.ts',
  'test/integration/search-path.test.ts',
  'test/integration/statements.test.ts',
]

export default defineConfig({
  test: {
    globalSetup: 'test/support/keep-templates.ts',
    // What is waited for comes soon, or later on a machine that has other things to do.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        // These have commands of their own: npm run test:drivers, npm run test:pgaudit.
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: ['test/drivers/**', 'test/differential/pgaudit/**'],
        },
      },
      {
        extends: true,
        test: { name: 'split', include: dialogues, env: { PGWITNESS_SPLIT: '20261122' } },
      },
    ],
  },
})
