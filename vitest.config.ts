import { defineConfig } from 'vitest/config'
import { threadInTests } from './scripts/thread-in-tests.mjs'

const conditions = ['@querywarden/source', 'module', 'node', 'development|production']

export default defineConfig({
  plugins: [threadInTests({ conditions })],
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@querywarden/source', 'node'] } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    setupFiles: process.env.QUERYWARDEN_SEED === undefined ? [] : ['scripts/seed-properties.mjs'],
  },
})
