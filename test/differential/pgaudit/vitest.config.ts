import { defineConfig } from 'vitest/config'

/** `npm run test:pgaudit`: one server after the other, each with a pgaudit of its own. */
export default defineConfig({
  test: {
    include: ['test/differential/pgaudit/*.test.ts'],
    globalSetup: 'test/support/keep-templates.ts',
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 1,
    disableConsoleIntercept: true,
    reporters: ['verbose'],
  },
})
