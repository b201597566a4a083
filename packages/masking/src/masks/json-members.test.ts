import { type JsonMember, readJsonPath, type ValueMask } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { maskSql } from '../mask-sql.ts'
import { maskValue } from '../mask-value.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const member = ([path, mask]: readonly [string, ValueMask]): JsonMember => {
  const steps = readJsonPath(path)
  if (steps === null) throw new Error(`expected a path, got ${path}`)
  return { path: steps, mask }
}
const show = (masks: Readonly<Record<string, ValueMask>>, json: string, typeOid = 114): unknown =>
  maskValue(
    { kind: 'json', members: Object.entries(masks).map(member) },
    { typeOid, typmod: -1, format: 'text' },
    hashKey,
  )(json)

const redact = { kind: 'redact' } as const
const last4 = { kind: 'partial', first: 0, last: 4, fill: '*' } as const
const person = {
  '$.ssn': redact,
  '$.contact.email': { kind: 'email' },
  '$.cards[*].pan': last4,
} as const

describe('members of JSON by their paths', () => {
  test.each([
    ['{"ssn":"123-45-6789","name":"Ada"}', '{"ssn": "[redacted]", "name": "Ada"}'],
    ['{"contact":{"email":"ada@example.com","phone":"1"}}', '{"contact": {"email": "a***@example.com", "phone": "1"}}'],
    [
      '{"cards":[{"pan":"4111111111111111"},{"pan":4111111111111111}]}',
      '{"cards": [{"pan": "****1111"}, {"pan": "****1111"}]}',
    ],
    // The same names elsewhere.
    ['{"pan":"1","email":"e","contact":{"ssn":"s"}}', '{"pan": "1", "email": "e", "contact": {"ssn": "s"}}'],
    ['{"contact":{"a":{"email":"e"}}}', '{"contact": {"a": {"email":"e"}}}'],
    // What isn't on a path stays as it is written.
    ['{"n" : 1.00, "o": { "a" :1 }}', '{"n": 1.00, "o": { "a" :1 }}'],
    ['{}', '{}'],
  ])('%s', (json, shown) => {
    expect(show(person, json)).toBe(shown)
  })

  test('a member that comes twice is masked twice', () => {
    expect(show(person, '{"ssn":"1","s\\u0073n":"2"}')).toBe('{"ssn": "[redacted]", "ssn": "[redacted]"}')
  })

  test.each([
    // A text that may hold all of it, and other values where an object or an array should be.
    ['{"contact":"ada@example.com"}', '{"contact": null}'],
    ['{"contact":42,"cards":"4111"}', '{"contact": null, "cards": null}'],
    ['{"contact":[[{"email":"a@b.cd"}]]}', '{"contact": [null]}'],
    ['"123-45-6789"', 'null'],
    ['[["123-45-6789"]]', '[null]'],
    // At the end of a path, what is neither text nor number.
    ['{"contact":{"email":{"at":"a@b.cd"}}}', '{"contact": {"email": null}}'],
    ['{"cards":[{"pan":["4111111111111111"]},{"pan":true}]}', '{"cards": [{"pan": null}, {"pan": null}]}'],
  ])('a wrong shape hides what may be in it: %s (P6)', (json, shown) => {
    expect(show(person, json)).toBe(shown)
  })

  test.each([
    [
      '{"contact":[{"email":"ada@b.cd"},{"email":"x@b.cd"}]}',
      '{"contact": [{"email": "a***@b.cd"}, {"email": "***@b.cd"}]}',
    ],
    ['{"cards":{"pan":"4111111111111111","exp":"1"}}', '{"cards": {"pan": "****1111", "exp": "1"}}'],
    ['[{"ssn":"1"},{"ssn":"2"}]', '[{"ssn": "[redacted]"}, {"ssn": "[redacted]"}]'],
  ])('paths are lax, as in SQL/JSON: %s', (json, shown) => {
    expect(show(person, json)).toBe(shown)
  })

  test('a mask on a value holds for all that paths lead to in it, and no paths show nothing', () => {
    const masks = { '$.contact': last4, '$.contact.email': { kind: 'email' } } as const
    expect(show(masks, '{"contact":{"email":"ada@b.cd"}}')).toBe('{"contact": null}')
    expect(show({ $: redact, '$.a': last4 }, '{"a":1}')).toBe('"[redacted]"')
    expect(show({}, '{"a":1}')).toBe('null')
    expect(show({ '$[*]': redact, '$.a': { kind: 'null' } }, '[{"a":1}]')).toBe('["[redacted]"]')
  })

  test.each([
    '{"ssn":"1","a":"\\u0000"}',
    '{"ssn":"1","a":"\\ud800"}',
    '{"ssn":"1"',
    'ssn',
    '',
    `{"ssn":"1","a":"${'x'.repeat(2_097_152)}"}`,
  ])('what cannot be looked into is NULL (%#)', json => {
    expect(show(person, json)).toBeNull()
  })

  test('other types are NULL', () => {
    expect(show(person, '{"ssn":"1"}', 25)).toBeNull()
  })

  test('jsonb in binary keeps its version, and other versions are NULL', () => {
    const mask = maskValue(
      { kind: 'json', members: [member(['$.ssn', redact])] },
      { typeOid: 3802, typmod: -1, format: 'binary' },
      hashKey,
    )
    expect(Buffer.from(mask(Buffer.from('\u0001{"ssn": "1"}')) ?? '').toString()).toBe('\u0001{"ssn": "[redacted]"}')
    expect(mask(Buffer.from('\u0002{"ssn": "1"}'))).toBeNull()
    expect(mask(Buffer.from('{"ssn": "1"}'))).toBeNull()
  })
})

test('the SQL of a path grows with its steps, and not faster', () => {
  const column = { name: 'v', attnum: 1, typeOid: 3802, typmod: -1, type: 'jsonb', origins: [] }
  const size = (steps: number): number => {
    const path = `$${'.a[*]'.repeat(steps)}`
    return maskSql(hashKey)({ kind: 'json', members: [member([path, { kind: 'email' }])] }, column, 'd.v').length
  }
  expect(size(6) - size(4)).toBeLessThanOrEqual(1.05 * (size(4) - size(2)))
})
