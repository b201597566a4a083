import { expect, test } from 'vitest'
import { textSplitter } from './split-text.ts'

const asker = {}

test('starts are in characters, whatever the bytes before them', async () => {
  const text = "select '€𝄞';select 2;select 3"
  const starts = [0, 17, 26]
  const split = textSplitter(
    () => ({ kind: 'split', statements: starts.map(start => ({ text: 's', start, command: null })) }),
    {
      entriesMax: 1,
      charsMax: 100,
    },
  )
  expect((await split(text, asker))?.map(({ start }) => start)).toEqual([0, 12, 21])
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
  expect([split('x', asker), split('x', asker), reads]).toEqual([null, null, 2])
})

test('what takes a while is a promise, and then remembered as well', async () => {
  let reads = 0
  const split = textSplitter(
    async () => {
      reads += 1
      return { kind: 'split', statements: [{ text: 's', start: 0, command: null }] }
    },
    { entriesMax: 1, charsMax: 100 },
  )
  const late = split('x', asker)
  expect(late).toBeInstanceOf(Promise)
  expect([await late, split('x', asker), reads]).toEqual([[{ text: 's', start: 0, command: null }], await late, 1])
})
