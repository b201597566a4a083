import {
  CLOSE_COMPLETE,
  encodeClose,
  encodeCopyData,
  encodeNoticeResponse,
  encodeNotificationResponse,
  encodeParameterStatus,
  encodeQuery,
  SYNC,
} from '@querywarden/wire/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Governed, govern, SCHEMA } from '../governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient } from '../raw-client.ts'
import { type Change, type Meddler, startMeddler } from './meddler.ts'
import { patientLogin } from './patient-login.ts'

/** A start-up parameter that goes upstream; the sessions of the gateway's own have none. */
const MARK = 'Africa/Abidjan'
/** No answer that is due has this in it. */
const CANARY = 'canary5b1e'

let governed: Governed
let meddler: Meddler
beforeAll(async () => {
  governed = await govern({
    schema: `${SCHEMA} insert into notes values (1, 'one'), (2, 'two');`,
    via: async port => {
      meddler = await startMeddler(port, MARK)
      return meddler.port
    },
  })
})
afterAll(async () => {
  await governed.stop()
  meddler.stop()
})
beforeEach(() => {
  meddler.set(null)
})

const login = async (): Promise<RawClient> =>
  patientLogin(governed.gateway.postgres, await governed.token(), { timezone: MARK })

/** One of each: a Query of two, a pipeline with a suspended portal and a Close, a failure, COPY out, a transaction. */
const SCRIPT: readonly (readonly Uint8Array[])[] = [
  [encodeQuery({ query: 'select id, status from orders order by id; select 1 as one' })],
  [
    parse('', 'select id from orders order by id'),
    bind('', ''),
    describePortal(),
    execute('', 2),
    execute('', 0),
    encodeClose({ kind: 'portal', name: '' }),
    SYNC,
  ],
  [parse('', 'select 1/0'), bind('', ''), execute(), SYNC],
  [encodeQuery({ query: 'copy notes to stdout' })],
  [encodeQuery({ query: 'begin' })],
  [encodeQuery({ query: 'commit' })],
]

async function play(client: RawClient): Promise<string[]> {
  const lines: string[] = []
  for (const messages of SCRIPT) {
    client.send(...messages)
    lines.push(...(await client.until('Z')))
    if (lines.at(-1) === 'closed') break
  }
  return lines
}

/** The messages that the database sends for the script. */
async function tags(): Promise<string> {
  const client = await login()
  let all = ''
  meddler.set(frame => {
    all += frame.toString('latin1', 0, 1)
    return [frame]
  })
  await play(client)
  meddler.set(null)
  client.socket.destroy()
  return all
}

async function noneLeft(): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (meddler.open() === 0) return true
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return false
}

describe('P3: what may come at any time', () => {
  test.each<[string, Uint8Array, string | null]>([
    ['a ParameterStatus', encodeParameterStatus({ name: 'TimeZone', value: 'UTC' }), 'S TimeZone'],
    ['a ParameterStatus that is not listed', encodeParameterStatus({ name: 'application_name', value: CANARY }), null],
    [
      'a notice',
      encodeNoticeResponse({ fields: new Map(Object.entries({ S: 'NOTICE', V: 'NOTICE', C: '00000', M: 'hear' })) }),
      'N NOTICE 00000 hear',
    ],
    ['a notification', encodeNotificationResponse({ processId: 1, channel: 'c', payload: CANARY }), null],
  ])('%s changes no answer, at whatever place it comes', async (_name, said, shown) => {
    const { length } = await tags()
    const client = await login()
    const plain = await play(client)
    for (let place = 0; place <= length; place++) {
      meddler.set((frame, index) =>
        index === place ? [said, frame] : index === length - 1 && place === length ? [frame, said] : [frame],
      )
      const lines = await play(client)
      // Said behind the last ReadyForQuery it comes with the next answer.
      meddler.set(null)
      const rest = place === length ? (await client.query('select 1')).slice(0, 1) : []
      const all = [...lines, ...rest.filter(line => line === shown)]
      expect(all.filter(line => line !== shown)).toEqual(plain)
      expect(all.filter(line => line === shown)).toHaveLength(shown === null ? 0 : 1)
    }
    expect(client.text).not.toContain(CANARY)
    client.socket.destroy()
  })
})

describe('P3, F17: answers that are not in order', () => {
  /** A message that is one of many alike can't be missed: rows and COPY data. */
  const isOneOfMany = (tag: string): boolean => tag === 'D' || tag === 'd'

  async function endsBoth(change: Change, what: string): Promise<void> {
    const client = await login()
    meddler.set(change)
    const lines = await play(client)
    meddler.set(null)
    if (lines.at(-1) !== 'closed') client.socket.destroy()
    expect(lines.slice(-2), what).toEqual([expect.stringMatching(/^E FATAL 08006/), 'closed'])
    expect(client.text).not.toContain(CANARY)
    expect(await noneLeft(), `${what}: the session at the database`).toBe(true)
  }

  test('each two that change places end the session on both sides', async () => {
    const all = await tags()
    for (let place = 0; place < all.length - 1; place++) {
      if (all[place] === all[place + 1]) continue
      // Behind a ReadyForQuery nothing is due before the next question.
      if (all[place] === 'Z') continue
      // Of a portal's rows one more or less before it is suspended is nothing that can be known.
      if (['Ds', 'sD'].includes(all.slice(place, place + 2))) continue
      let kept: Buffer | null = null
      await endsBoth(
        (frame, index) => {
          if (index === place) kept = Buffer.from(frame)
          return index === place ? [] : index === place + 1 && kept !== null ? [frame, kept] : [frame]
        },
        `${all[place]} and ${all[place + 1]} at ${place} of ${all}`,
      )
    }
  })

  test('each that comes twice ends the session on both sides', async () => {
    const all = await tags()
    for (let place = 0; place < all.length; place++) {
      // A statement can fail, and its commit after that.
      if (isOneOfMany(all[place] ?? '') || all[place] === 'E') continue
      await endsBoth(
        (frame, index) => (index === place ? [frame, frame] : [frame]),
        `${all[place]} at ${place} of ${all}`,
      )
    }
  })

  test('each that is missing ends the session on both sides', async () => {
    const all = await tags()
    for (let place = 0; place < all.length; place++) {
      // Without its ReadyForQuery nobody can tell that there will be none.
      if (isOneOfMany(all[place] ?? '') || all[place] === 'Z') continue
      // An error is an answer to everything.
      if (all[place] === 'E' || all[place + 1] === 'E') continue
      await endsBoth((frame, index) => (index === place ? [] : [frame]), `${all[place]} at ${place} of ${all}`)
    }
  })

  test.each<[string, Uint8Array]>([
    ['a row of another statement', Buffer.from(`D\0\0\0\x14\0\x01\0\0\0\x0a${CANARY}`, 'latin1')],
    ['COPY data', encodeCopyData({ data: Buffer.from(CANARY) })],
    ['a CloseComplete', CLOSE_COMPLETE],
  ])(
    '%s at any place ends the session on both sides before it is shown, or is one column of its own',
    async (_name, said) => {
      const all = await tags()
      for (let place = 0; place < all.length; place++) {
        // Among rows of one column a row is a row, and among COPY data COPY data is.
        const tag = String.fromCharCode(said[0] ?? 0)
        if (tag === all[place] || tag === all[place - 1] || 'Ccs'.includes(all[place] ?? '') || all[place] === 'E')
          continue
        await endsBoth((frame, index) => (index === place ? [said, frame] : [frame]), `at ${place} of ${all}`)
      }
    },
  )
})

describe('P3: what a client sends out of place', () => {
  test('Sync inside COPY is ignored: two of them get one ReadyForQuery', async () => {
    const client = await login()
    client.send(encodeQuery({ query: 'copy notes from stdin' }))
    await client.until('G')
    client.send(SYNC, encodeCopyData({ data: Buffer.from('9\tx\n') }), SYNC, Buffer.from('c\0\0\0\x04'))
    expect(await client.until('Z')).toEqual(['C COPY 1', 'Z idle'])
    expect(await client.query('delete from notes where id = 9')).toEqual(['C DELETE 1', 'Z idle'])
    client.socket.destroy()
  })
})
