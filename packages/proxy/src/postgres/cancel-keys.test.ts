import { randomBytes, randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type CancelKey, CancelKeys, workerOf } from './cancel-keys.ts'

const nowhere = (): Promise<boolean> => Promise.resolve(false)

describe('E10: cancel keys', () => {
  test('of a thousand sessions none is hit by 100 000 random ones, nor by random secrets of known sessions', async () => {
    const keys = new CancelKeys({ worker: 0, elsewhere: nowhere })
    let hits = 0
    const issued = Array.from({ length: 1_000 }, (_none, i) => keys.issue(i % 2 === 0 ? 0 : 2, () => (hits += 1)))
    for (let i = 0; i < 100_000; i++) {
      const known = issued[i % issued.length]!
      const processId = i % 2 === 0 ? randomInt(-(2 ** 31), 2 ** 31) : known.processId
      const isOwn = (secret: Uint8Array): boolean =>
        processId === known.processId && Buffer.from(secret).equals(known.secretKey)
      const secretKey = randomBytes([4, 32, known.secretKey.length, randomInt(4, 257)][i % 4] ?? 4)
      // Once in 2^32 a short one is guessed.
      if (!isOwn(secretKey)) await keys.redeem({ processId, secretKey })
    }
    expect(hits).toBe(0)
    for (const key of issued) expect(await keys.redeem(key)).toBe(true)
    expect(hits).toBe(1_000)
  })

  test('are right to the last bit, and of one length', async () => {
    const keys = new CancelKeys({ worker: 0, elsewhere: nowhere })
    let hits = 0
    for (const minor of [0, 2]) {
      const { processId, secretKey } = keys.issue(minor, () => (hits += 1))
      expect(secretKey).toHaveLength(minor === 0 ? 4 : 32)
      for (let bit = 0; bit < secretKey.length * 8; bit++) {
        const wrong = Uint8Array.from(secretKey)
        wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(await keys.redeem({ processId, secretKey: wrong })).toBe(false)
      }
      for (const other of [secretKey.subarray(0, 3), Buffer.concat([secretKey, secretKey]), new Uint8Array()])
        expect(await keys.redeem({ processId, secretKey: other })).toBe(false)
    }
    expect(hits).toBe(0)
  })

  test('are good for as long as their session is, and for no other', async () => {
    const keys = new CancelKeys({ worker: 0, elsewhere: nowhere })
    const hits: string[] = []
    const first = keys.issue(0, () => hits.push('first'))
    const second = keys.issue(0, () => hits.push('second'))
    await keys.redeem(second)
    keys.revoke(first)
    expect(await keys.redeem(first)).toBe(false)
    expect(hits).toEqual(['second'])
  })

  test('name the worker whose session it is, and go there', async () => {
    const asked: CancelKey[] = []
    const near = new CancelKeys({
      worker: 3,
      elsewhere: request => {
        asked.push(request)
        return Promise.resolve(far.redeemHere(request))
      },
    })
    let hits = 0
    const far: CancelKeys = new CancelKeys({ worker: 127, elsewhere: nowhere })
    const key = far.issue(2, () => (hits += 1))
    expect(workerOf(key.processId)).toBe(127)
    expect(key.processId).toBeLessThan(2 ** 31)
    expect(await near.redeem(key)).toBe(true)
    expect([asked, hits]).toEqual([[key], 1])
    expect(await near.redeem({ ...key, secretKey: randomBytes(32) })).toBe(false)
    expect(hits).toBe(1)
  })

  test('of no worker are asked of nobody', async () => {
    const keys = new CancelKeys({ worker: 0, elsewhere: () => Promise.reject(new Error('asked')) })
    expect(await keys.redeem({ processId: -1, secretKey: randomBytes(4) })).toBe(false)
    expect(() => new CancelKeys({ worker: 128, elsewhere: nowhere })).toThrow('worker 128 has no number')
  })
})
