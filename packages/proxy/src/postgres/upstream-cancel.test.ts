import { expect, test } from 'vitest'
import { mergedCancel } from './upstream-cancel.ts'

test('E10: cancels are asked once for as many as ask while one is under way, and anew after it', async () => {
  const asked: (() => void)[] = []
  const cancel = mergedCancel(() => new Promise<void>(resolve => asked.push(resolve)))
  const three = [cancel(), cancel(), cancel()]
  expect(asked).toHaveLength(1)
  asked[0]?.()
  await Promise.all(three)
  const next = cancel()
  expect(asked).toHaveLength(2)
  asked[1]?.()
  await next
})

test('E10: one that fails is over too', async () => {
  let asked = 0
  const cancel = mergedCancel(() => {
    asked += 1
    return Promise.reject(new Error('no way there'))
  })
  await expect(cancel()).rejects.toThrow()
  await expect(cancel()).rejects.toThrow()
  expect(asked).toBe(2)
})
