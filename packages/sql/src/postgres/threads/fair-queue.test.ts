import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue } from './fair-queue.ts'

const limits = { perAskerMax: 3, waitingMax: 5 }
const [ann, ben, cid] = [{}, {}, {}]

test('askers take turns, however many things one of them has', () => {
  const queue = new FairQueue<string>(limits)
  for (const item of ['a1', 'a2', 'a3']) queue.add(ann, item)
  queue.add(ben, 'b1')
  const order: string[] = []
  for (let next = queue.take(); next !== null; next = queue.take()) {
    order.push(next.item)
    queue.release(next.asker)
  }
  expect(order).toEqual(['a1', 'b1', 'a2', 'a3'])
})

test('nobody has two things done at once', () => {
  const queue = new FairQueue<string>(limits)
  queue.add(ann, 'a1')
  queue.add(ann, 'a2')
  expect(queue.take()?.item).toBe('a1')
  expect(queue.take()).toBeNull()
  queue.add(ben, 'b1')
  expect(queue.take()?.item).toBe('b1')
  queue.release(ann)
  expect(queue.take()?.item).toBe('a2')
})

test('there is so much room for one, and so much for all', () => {
  const queue = new FairQueue<number>(limits)
  expect([1, 2, 3, 4].map(item => queue.add(ann, item))).toEqual([true, true, true, false])
  expect([1, 2, 3].map(item => queue.add(ben, item))).toEqual([true, true, false])
  expect(queue.add(cid, 1)).toBe(false)
  queue.take()
  expect(queue.add(cid, 1)).toBe(true)
})

test('everything that was let in comes out once, and in the order of its asker', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3)), askers => {
      const people = [{}, {}, {}, {}]
      const queue = new FairQueue<{ readonly who: number; readonly at: number }>(limits)
      const entered = askers.flatMap((who, at) => (queue.add(people[who] ?? ann, { who, at }) ? { who, at } : []))
      const left: (typeof entered)[number][] = []
      for (let next = queue.take(); next !== null; next = queue.take()) {
        left.push(next.item)
        queue.release(next.asker)
      }
      expect(queue.size).toBe(0)
      const ofOne = (list: typeof entered, who: number) => list.filter(item => item.who === who)
      for (const who of people.keys()) expect(ofOne(left, who)).toEqual(ofOne(entered, who))
    }),
  )
})
