import { expect, test } from 'vitest'
import { textSplitter } from './split-text.ts'

test('starts are in characters, whatever the bytes before them', () => {
  const text = "select '€𝄞';select 2;select 3"
  const starts = [0, 17, 26]
  const split = textSplitter(
    () => ({ kind: 'split', statements: starts.map(start => ({ text: 's', start, command: null })) }),
    {
      entriesMax: 1,
      charsMax: 100,
    },
  )
  expect(split(text)?.map(({ start }) => start)).toEqual([0, 12, 21])
})

test('a text that can not be read is not remembered as anything', () => {
  let reads = 0
  const split = textSplitter(
    () => {
      reads += 1
      return { kind: 'opaque', code: 'SYNTAX', message: 'no', offset: 0 }
    },
    { entriesMax: 1, charsMax: 100 },
  )
  expect([split('x'), split('x'), reads]).toEqual([null, null, 2])
})
