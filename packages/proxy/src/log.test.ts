import { IdentityError } from '@querywarden/identity'
import { expect, test } from 'vitest'
import { type Log, openLog } from './log.ts'
import type { LogFields } from './log-fields.ts'
import type { LogLevel } from './log-level.ts'

const SECRET = 'c4nary-s3cret'

function logged(write: (log: Log) => void, level: LogLevel = 'debug'): string {
  const lines: string[] = []
  write(openLog(level, { write: line => lines.push(line) }))
  return lines.join('')
}

test('every line is one JSON object with its time, level and message', () => {
  const [line] = logged(log => log.warn({ target: 'app\nforged' }, 'a\nb')).split('\n')
  expect(JSON.parse(line ?? '')).toMatchObject({ level: 40, target: 'app\\u{a}forged', msg: 'a\nb' })
})

test('what is below the level is left out, and the level can be changed', () => {
  expect(logged(log => log.info({}, 'quiet'), 'warn')).toBe('')
  expect(
    logged(log => {
      log.setLevel('error')
      log.warn({}, 'quiet')
    }),
  ).toBe('')
})

test.each<[string, object]>([
  ['a field that is not on the list', { token: SECRET, password: SECRET, sql: SECRET, params: [SECRET] }],
  ['a list of fields inside another', { session: { token: SECRET }, target: { sql: SECRET }, error: { sql: SECRET } }],
  ['a field of the prototype', Object.create({ subject: SECRET })],
  ['what only begins like a word', { session: `id ${SECRET}`, reason: `why ${SECRET}`, sqlstate: `42501 ${SECRET}` }],
  ['what only has the parts of an address', { postgres: { host: `h ${SECRET}`, port: 1, more: SECRET } }],
  ['an error of somebody else', { error: new Error(SECRET) }],
  ['its name and code', { error: Object.assign(new Error('x'), { name: `My ${SECRET}`, code: `28P01 ${SECRET}` }) }],
  ['its fields', { error: Object.assign(new Error('x'), { query: SECRET, parameters: [SECRET], detail: SECRET }) }],
  ['its cause', { error: new Error('x', { cause: new Error(SECRET, { cause: SECRET }) }) }],
  ['a message made to look like a stack', { error: new Error(`x\n    at f (${SECRET}.js:1:1)`) }],
  [
    'a stack that no longer begins with its message',
    { error: Object.assign(new Error(`x\n    at f (${SECRET}.js:1:1)`), { message: 'y' }) },
  ],
  ['what is thrown and is no error', { error: SECRET }],
])('nothing of %s', (_what, fields) => {
  const text = logged(log => log.error(fields as LogFields, 'failed'))
  expect(text).toContain('"msg":"failed"')
  expect(text).not.toContain(SECRET)
})

test('an error of ours says what it says; of any other, its kind and where it was made', () => {
  const ours = new IdentityError('TOKEN_EXPIRED', 'the token has expired')
  const other = Object.assign(new TypeError('x'), { code: 'ECONNRESET' })
  const line = logged(log => log.error({ error: new Error('wrapped', { cause: ours }) }, 'a'))
  expect(JSON.parse(line).error.cause).toEqual({
    name: 'IdentityError',
    code: 'TOKEN_EXPIRED',
    message: 'the token has expired',
  })
  const { error } = JSON.parse(logged(log => log.error({ error: other }, 'b')))
  expect(error).toMatchObject({ name: 'TypeError', code: 'ECONNRESET' })
  expect(error.at[0]).toMatch(/^log\.test\.ts:\d+:\d+$/)
  expect(error).not.toHaveProperty('message')
})

test('a message can only be a literal', () => {
  const secret: string = SECRET
  const log = openLog('silent')
  // @ts-expect-error a text of any value
  log.info({}, secret)
  // @ts-expect-error a text put together
  log.info({}, `token ${secret}`)
  log.info({}, 'literal')
})
