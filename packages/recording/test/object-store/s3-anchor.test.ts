import { describe, expect, test } from 'vitest'
import { objectStoreAnchor, objectStoreCheckpoints } from '../../src/index.ts'
import { collected, storeOf, storeServer } from './store-fixtures.ts'

const DAY_MS = 86_400_000
const checkpoint = (size: number, note = `gateway/boot-1\n${size}\nroot\n\n— gateway sig\n`) => ({
  boot: 'boot-1',
  size,
  root: Buffer.alloc(32),
  note,
})
const growth = { proofFrom: () => [] }
const cosigned = async (): Promise<void> => undefined

describe('R1, F13: checkpoints are kept in a bucket under lock', () => {
  test('each under its size, for as long as was asked for, and found again', async () => {
    const server = await storeServer()
    const anchor = objectStoreAnchor(storeOf(server), { lock: { mode: 'COMPLIANCE', ms: DAY_MS }, now: Date.now })
    for (const size of [2, 10]) await anchor.keep(checkpoint(size), growth, cosigned)
    expect([...server.objects().keys()]).toEqual([
      'gateway/boot-1/00000000000000000002.checkpoint',
      'gateway/boot-1/00000000000000000010.checkpoint',
    ])
    const [version] = server.versions('gateway/boot-1/00000000000000000002.checkpoint')
    expect(version?.lock?.mode).toBe('COMPLIANCE')
    expect(Math.abs((version?.lock?.retainUntil ?? 0) - Date.now() - DAY_MS)).toBeLessThan(60_000)
    server.tamper('gateway/boot-1/00000000000000000002.dbrec', Buffer.from('no note'))
    server.tamper('gateway/../x/00000000000000000002.checkpoint', Buffer.from('no note'))
    const found = await collected(objectStoreCheckpoints(storeOf(server)).checkpoints())
    expect(found).toEqual([2, 10].map(size => ({ boot: 'boot-1', note: checkpoint(size).note })))
  })

  test('the same one twice is fine, also where the first answer was lost; another one is not', async () => {
    const server = await storeServer()
    const anchor = objectStoreAnchor(storeOf(server), { lock: null, now: Date.now })
    server.fail({ operation: 'PutObject', kind: 'lost-answer' })
    await anchor.keep(checkpoint(2), growth, cosigned)
    await anchor.keep(checkpoint(2), growth, cosigned)
    await expect(anchor.keep(checkpoint(2, 'another note\n'), growth, cosigned)).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
    })
    const same = checkpoint(2).note
    await expect(anchor.keep(checkpoint(2, same.replace('root', 'toor')), growth, cosigned)).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
      message:
        's3://recordings/gateway/boot-1/00000000000000000002.checkpoint holds something else than what is to be kept there: find out who writes to it; nothing is overwritten',
    })
    expect(server.versions('gateway/boot-1/00000000000000000002.checkpoint')).toHaveLength(1)
  })

  test('a bucket that can not be reached rejects, and keeps later what it did not', async () => {
    const server = await storeServer()
    const anchor = objectStoreAnchor(storeOf(server), { lock: null, now: Date.now })
    server.fail({ operation: 'PutObject', kind: 'unavailable', times: 5 })
    await expect(anchor.keep(checkpoint(2), growth, cosigned)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await anchor.keep(checkpoint(2), growth, cosigned)
    expect(server.objects().size).toBe(1)
  })
})
