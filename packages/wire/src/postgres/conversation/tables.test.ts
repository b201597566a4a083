import { describe, expect, test } from 'vitest'
import { BACKEND, FRONTEND } from '../tags.ts'
import { CLIENT_MESSAGES, type ClientPhase, clientAction } from './client-messages.ts'
import { OPENING_PACKETS, type OpeningAction, type OpeningPacket, type OpeningPhase } from './opening-packets.ts'
import { type Awaiting, replyAction, SERVER_REPLIES } from './server-replies.ts'

const names = <Name extends string>(table: Readonly<Partial<Record<Name, unknown>>>): readonly Name[] =>
  Object.keys(table).filter((name): name is Name => name in table)
const BYTES = Array.from({ length: 256 }, (_, byte) => byte)

describe('a client’s messages', () => {
  const phases = names<ClientPhase>(CLIENT_MESSAGES)

  test('E6: a password, or a byte that is no message, is a violation in every phase', () => {
    for (const phase of phases) {
      for (const byte of BYTES) {
        const known = Object.entries(FRONTEND).find(([, tag]) => tag === byte)?.[0]
        if (known === undefined || known === 'password') expect(clientAction(phase, byte)).toBe('violation')
        else
          expect(clientAction(phase, byte)).toBe(Object.entries(CLIENT_MESSAGES[phase]).find(([n]) => n === known)?.[1])
      }
    }
  })

  test('P2: nothing but Sync and Terminate is heard while messages are skipped', () => {
    const heard = names(FRONTEND).filter(name => CLIENT_MESSAGES.skipping[name] !== 'ignore')
    expect(heard.toSorted()).toEqual(['password', 'sync', 'terminate'])
  })

  test('P9: inside COPY only its data, and what the server ignores there, has a place', () => {
    const placed = names(FRONTEND).filter(name => CLIENT_MESSAGES['copy-in'][name] !== 'violation')
    expect(placed.toSorted()).toEqual(['copyData', 'copyDone', 'copyFail', 'flush', 'sync'])
  })

  test('P7: a call by number is refused, or skipped, and never collected', () => {
    expect(phases.map(phase => CLIENT_MESSAGES[phase].functionCall)).toEqual(['refuse', 'ignore', 'violation'])
  })
})

describe('a server’s replies', () => {
  const states = names<Awaiting>(SERVER_REPLIES)

  test('F17: every byte that is not named is unexpected, in every state', () => {
    for (const state of states) {
      const named = new Set(names(SERVER_REPLIES[state]).map(name => BACKEND[name]))
      for (const byte of BYTES)
        expect(replyAction(state, byte) === 'unexpected').toBe(![...named].some(tag => tag === byte))
    }
  })

  test('P3: only the messages of the manual’s 54.2.7, and errors, may come at any time', () => {
    const everywhere = names(BACKEND).filter(name => states.every(state => SERVER_REPLIES[state][name] !== undefined))
    expect(everywhere.toSorted()).toEqual([
      'errorResponse',
      'noticeResponse',
      'notificationResponse',
      'parameterStatus',
    ])
  })

  test('P3: each answer is due in the states that ask for it, and in no other', () => {
    const due = (name: keyof typeof BACKEND) => states.filter(state => SERVER_REPLIES[state][name] !== undefined)
    expect(due('parseComplete')).toEqual(['parse'])
    expect(due('bindComplete')).toEqual(['bind'])
    expect(due('closeComplete')).toEqual(['close'])
    expect(due('readyForQuery')).toEqual(['sync'])
    expect(due('dataRow')).toEqual(['execute'])
    expect(due('copyData')).toEqual(['copy-out'])
    expect(due('commandComplete')).toEqual(['execute', 'copy-out-done', 'copy-in'])
    for (const never of ['authentication', 'backendKeyData', 'functionCallResponse', 'copyBothResponse'] as const)
      expect(due(never)).toEqual([])
  })
})

describe('opening packets', () => {
  const packets: readonly OpeningPacket[] = ['direct-tls', 'gssenc-request', 'ssl-request', 'startup', 'cancel-request']

  /** Where an action leads; null where the opening is over. */
  const next = (action: OpeningAction, hasTls: boolean): OpeningPhase | null => {
    switch (action) {
      case 'secure-directly':
        return 'secured'
      case 'answer-ssl':
        return hasTls ? 'secured' : 'ssl-declined'
      case 'decline-gssenc':
        return 'gssenc-declined'
      case 'log-in':
      case 'cancel':
      case 'violation':
        return null
    }
  }

  test.each([true, false])('E5: no sequence is longer than three packets, with TLS: %s', hasTls => {
    const longest = (phase: OpeningPhase): number =>
      1 +
      Math.max(
        ...packets.map(packet => {
          const then = next(OPENING_PACKETS[phase][packet], hasTls)
          return then === null ? 0 : longest(then)
        }),
      )
    expect(longest('first')).toBe(3)
  })
})
