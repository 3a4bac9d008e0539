import { defineConfig } from 'vitest/config'

/** `npm run test:drivers`: one driver after the other, with time to install each. */
export default defineConfig({
  test: {
    include: ['test/drivers/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 900_000,
    pool: 'forks',
    maxWorkers: 1,
    disableConsoleIntercept: true,
    reporters: ['verbose'],
  },
})
