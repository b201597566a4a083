import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SCHEMAS } from './schema.ts'

describe('published schemas', () => {
  test.each(Object.entries(SCHEMAS))('that of %s is current', (_, { file, make }) => {
    // To renew them: QUERYWARDEN_UPDATE_SCHEMA=1 npx vitest run packages/proxy/src/commands/schemas.test.ts
    const url = new URL(`../../schema/${file}`, import.meta.url)
    if (process.env['QUERYWARDEN_UPDATE_SCHEMA'] === '1') writeFileSync(url, `${JSON.stringify(make(), null, 2)}\n`)
    expect(JSON.parse(readFileSync(url, 'utf8'))).toEqual(JSON.parse(JSON.stringify(make())))
  })

  test('nothing but what is known may stand in a policy or its tests', () => {
    for (const name of ['policy', 'policy-test'])
      expect(SCHEMAS[name]?.make()).toMatchObject({ type: 'object', additionalProperties: false })
  })
})
