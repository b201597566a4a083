import { expect, test } from 'vitest'
import { openLog } from './log.ts'

function logged(write: (log: ReturnType<typeof openLog>) => void, level = 'debug'): string {
  const lines: string[] = []
  write(openLog(level, { write: line => lines.push(line) }))
  return lines.join('')
}

test.each(['token', 'password', 'authorization'])('a %s never appears, at the top or one below', name => {
  const text = logged(log => {
    log.info({ [name]: 'very secret' }, 'a')
    log.error({ request: { [name]: 'very secret', kept: 1 } }, 'b')
  })
  expect(text).not.toContain('very secret')
  expect(text).not.toContain(name)
  expect(text).toContain('"kept":1')
})

test('every line is one JSON object with its time and level', () => {
  const [line] = logged(log => log.warn({ target: 'app' }, 'a\nb')).split('\n')
  expect(JSON.parse(line ?? '')).toMatchObject({ level: 40, target: 'app', msg: 'a\nb' })
})

test('what is below the level is left out', () => {
  expect(logged(log => log.info('quiet'), 'warn')).toBe('')
})
