import { describe, expect, test } from 'vitest'
import type { BackendMessage } from './backend-message.ts'
import type { LeakCase } from './corpus-case.ts'
import { hasLeaked } from './detect-leak.ts'
import type { ScriptResult } from './run-script.ts'

const canaries = { 'cust1.ssn': '512-84-7731' }

const leakCase = (detect: LeakCase['detect'], changes: Partial<LeakCase> = {}): LeakCase => {
  return { id: 'L', category: 'cast', sql: '', protocol: 'simple', role: 'agent', leaks: 'raw', detect, ...changes }
}

const row = (...cells: readonly (string | null)[]): BackendMessage => {
  const parts = cells.map(cell => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(cell === null ? -1 : Buffer.byteLength(cell))
    return Buffer.concat([length, Buffer.from(cell ?? '')])
  })
  return { type: 'D', body: Buffer.concat([Buffer.from([0, cells.length]), ...parts]) }
}
const error = (code: string, message: string): BackendMessage => {
  return { type: 'E', body: Buffer.from(`SERROR\0C${code}\0M${message}\0\0`) }
}
const result = (messages: readonly BackendMessage[], ms = 1): ScriptResult => {
  return {
    exchanges: [{ messages, ms, end: 'ready' }],
    received: [Buffer.concat(messages.map(({ body }) => body))],
    refusedLogins: [],
  }
}
const leaks = (detect: LeakCase['detect'], messages: readonly BackendMessage[]): boolean =>
  hasLeaked(leakCase(detect), result(messages), null, canaries)

describe('a leak is found', () => {
  test('as a canary in any byte, whatever the case looks for', () => {
    for (const detect of [{ raw: true }, { rows: [] }, { bytes: ['nowhere'] }] as const) {
      expect(leaks(detect, [error('22P02', 'invalid input: "512-84-7731"')])).toBe(true)
      expect(leaks(detect, [row('***-**-7731')])).toBe(false)
    }
  })

  test('even in what arrived before and between messages', () => {
    const received = [Buffer.from('xx512-84-7731')]
    expect(hasLeaked(leakCase({ raw: true }), { ...result([]), received }, null, canaries)).toBe(true)
  })

  test('in the binary forms of dates and numerics, which have nothing of the text', () => {
    const hidden = { dob: '1961-03-17', salary: '183427.19' }
    const cell = (hex: string): BackendMessage => {
      const [size, bytes] = [Buffer.alloc(4), Buffer.from(hex, 'hex')]
      size.writeInt32BE(bytes.length)
      return { type: 'D', body: Buffer.concat([Buffer.from([0, 1]), size, bytes]) }
    }
    const seen = (hex: string): boolean => hasLeaked(leakCase({ raw: true }), result([cell(hex)]), null, hidden)
    // What PostgreSQL sends for them, by date_send and numeric_send.
    expect(seen('ffffc8a7')).toBe(true)
    expect(seen('ffffc8a8')).toBe(false)
    expect(seen('000300010000000200120d63076c')).toBe(true)
    expect(seen('000300010000000200120d63076d')).toBe(false)
  })

  test('as evidence of which every piece must be there', () => {
    expect(leaks({ bytes: ['512', '847'] }, [row('512'), row('847')])).toBe(true)
    expect(leaks({ bytes: ['512', '847'] }, [row('512')])).toBe(false)
    expect(leaks({ hexBytes: ['353132'] }, [row('512')])).toBe(true)
    expect(leaks({ hexBytes: ['353132'] }, [row('513')])).toBe(false)
  })

  test('as exactly these rows', () => {
    expect(leaks({ rows: [['3'], [null]] }, [row('3'), row(null)])).toBe(true)
    expect(leaks({ rows: [['3'], [null]] }, [row(null), row('3')])).toBe(false)
  })

  test('put together from many rows', () => {
    const codes = [...'512'].map(character => row(String(character.charCodeAt(0))))
    expect(leaks({ concat: { contains: '512', from: 'codes' } }, codes)).toBe(true)
    expect(leaks({ concat: { contains: '512', reverse: true } }, [row('2'), row('1'), row('5')])).toBe(true)
    expect(leaks({ concat: { contains: '512', col: 'all' } }, [row('5', '1', '2')])).toBe(true)
    expect(leaks({ concat: { contains: '512' } }, [row('5'), row('2')])).toBe(false)
  })
})

describe('an inference is found', () => {
  const differs = (got: readonly BackendMessage[], control: readonly BackendMessage[]): boolean =>
    hasLeaked(leakCase({ control: 'response' }), result(got), result(control), canaries)

  test('where right and wrong guess give other rows, codes or counts', () => {
    expect(differs([row('1')], [])).toBe(true)
    expect(differs([error('23505', 'duplicate')], [error('23514', 'check')])).toBe(true)
    expect(
      differs([{ type: 'C', body: Buffer.from('DELETE 1\0') }], [{ type: 'C', body: Buffer.from('DELETE 0\0') }]),
    ).toBe(true)
  })

  test('and not where both are refused alike, though the text names the guess', () => {
    expect(differs([error('42501', 'refused: a')], [error('42501', 'refused: b')])).toBe(false)
  })

  test('where one takes longer', () => {
    const timing = leakCase({ control: 'timing', minDeltaMs: 150 })
    expect(hasLeaked(timing, result([], 400), result([], 100), canaries)).toBe(true)
    expect(hasLeaked(timing, result([], 100), result([], 100), canaries)).toBe(false)
  })

  test('a guess that is echoed back is none', () => {
    const echoing = leakCase({ rows: [['yes']] }, { echoesGuess: true })
    expect(hasLeaked(echoing, result([row('512-84-7731')]), null, canaries)).toBe(false)
  })
})
