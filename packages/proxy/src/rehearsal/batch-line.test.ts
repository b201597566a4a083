import { describe, expect, test } from 'vitest'
import { readBatchLine } from './batch-line.ts'

describe('lines of a batch', () => {
  test('a text or several, with what came before', () => {
    expect(readBatchLine('{"id":1,"sql":"a","pre":"b","more":{}}', true)).toEqual({
      kind: 'script',
      id: 1,
      script: { sql: ['a'], pre: ['b'], inTransaction: true },
    })
    expect(readBatchLine('{"id":"x","sql":["a","b"]}', false)).toEqual({
      kind: 'script',
      id: 'x',
      script: { sql: ['a', 'b'], pre: [], inTransaction: false },
    })
  })

  test.each([
    ['', null],
    ['[]', null],
    ['null', null],
    ['{"sql":"a"}', null],
    ['{"id":{},"sql":"a"}', null],
    ['{"id":7}', 7],
    ['{"id":"x","sql":7}', 'x'],
    ['{"id":"x","sql":[]}', 'x'],
    ['{"id":"x","sql":"a","pre":[7]}', 'x'],
  ])('%j is bad, and keeps its id', (line, id) => {
    const read = readBatchLine(line, false)
    expect(read).toMatchObject({ kind: 'bad', id })
    // One line, whatever was in it.
    expect(read.kind === 'bad' && read.error.split('\n').length).toBe(1)
  })
})
