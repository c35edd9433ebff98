import { defineConfig } from 'vitest/config';

/** Integration tests mostly wait, for servers and for guests; unit tests run beside them. */
const workers = 2;
const exclude = ['**/node_modules/**'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.{int,e2e,slow,appliance}.test.ts'],
          // A bound against hanging, not a measure: the machine may be busy.
          testTimeout: 60_000,
          maxWorkers: workers,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['**/*.int.test.ts'],
          maxWorkers: workers,
          exclude,
          testTimeout: 120_000,
          hookTimeout: 240_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          // Of `npm run faults -- --slow`.
          name: 'slow',
          include: ['**/*.slow.test.ts'],
          exclude,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          // Of `npm run faults -- --appliance`.
          name: 'appliance',
          include: ['e2e/**/*.appliance.test.ts'],
          globalSetup: 'e2e/appliance/setup.ts',
          exclude,
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.test.ts'],
          globalSetup: 'e2e/setup.ts',
          exclude,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
