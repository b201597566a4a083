import { readFileSync, writeFileSync } from 'node:fs'
import { DEFAULT_THREAD_LIMITS, READ_MS_HARD_MAX } from '@querywarden/sql/postgres'
import { expect, test } from 'vitest'
import { configSchema } from './json-schema.ts'

const file = new URL('../../schema/querywarden.schema.json', import.meta.url)

test('the published schema of querywarden.yaml is current', () => {
  // To renew it: QUERYWARDEN_UPDATE_SCHEMA=1 npx vitest run packages/proxy/src/config/json-schema.test.ts
  if (process.env['QUERYWARDEN_UPDATE_SCHEMA'] === '1')
    writeFileSync(file, `${JSON.stringify(configSchema(), null, 2)}\n`)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(configSchema())))
})

test('it knows the keys, and that nothing else may be there', () => {
  expect(configSchema()).toMatchObject({
    additionalProperties: false,
    required: ['listen', 'identity', 'targets', 'policy', 'recording'],
    properties: { limits: { additionalProperties: false }, recording: { required: ['dir'] } },
  })
})

test('it has the bounds of reading that the classifier has', () => {
  expect(configSchema()).toMatchObject({
    properties: {
      limits: {
        properties: {
          read_ms: { default: DEFAULT_THREAD_LIMITS.readMsMax, maximum: READ_MS_HARD_MAX },
          reading_threads: { default: DEFAULT_THREAD_LIMITS.threadsMax },
        },
      },
    },
  })
})
