import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Authentication,
  type AuthenticationStage,
  authenticationStage,
  BACKEND,
  decodeAuthentication,
  decodeBackend,
  decodeFrontend,
  encodeAuthentication,
  encodeBackend,
  encodeFrontend,
  FRONTEND,
  FRONTEND_TAGS,
  FrameError,
  FrameScanner,
} from '../../src/postgres/index.ts'
import { codecs } from './codecs.ts'

const HEADER = 5
const STAGES: readonly AuthenticationStage[] = ['password', 'saslInitial', 'sasl', 'gss']

/** What the four messages of the tag `p` are called, and the stage of each. */
const STAGE_OF: Readonly<Record<string, AuthenticationStage>> = {
  PasswordMessage: 'password',
  SASLInitialResponse: 'saslInitial',
  SASLResponse: 'sasl',
  GSSResponse: 'gss',
}

const asFrame = (bytes: Uint8Array): { tag: number; body: Uint8Array } => ({
  tag: bytes[0]!,
  body: bytes.subarray(HEADER),
})

const codeOf = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    if (error instanceof FrameError) return error.code
    throw error
  }
}

const kindOf = (name: string): string =>
  (({ PasswordMessage: 'password', SASLInitialResponse: 'saslInitialResponse' }) as Record<string, string>)[name] ??
  name.replace(/^(SASL|GSS|[A-Z])/, start => start.toLowerCase())

describe.each(codecs)('$direction $name', ({ direction, name, samples }) => {
  test('E1 decoded by its tag it is what its own decoder gives, and encodes to the same bytes', () => {
    fc.assert(
      fc.property(samples, ({ value, frame }) => {
        const decoded =
          direction === 'backend'
            ? decodeBackend(asFrame(frame))
            : decodeFrontend(asFrame(frame), STAGE_OF[name] ?? null)
        expect(decoded).toEqual({ kind: kindOf(name), message: value })
        const encoded = direction === 'backend' ? backendAgain(frame) : frontendAgain(frame, STAGE_OF[name] ?? null)
        expect(encoded).toEqual(frame)
      }),
    )
  })
})

const backendAgain = (frame: Uint8Array): Uint8Array => encodeBackend(decodeBackend(asFrame(frame)))
const frontendAgain = (frame: Uint8Array, stage: AuthenticationStage | null): Uint8Array =>
  encodeFrontend(decodeFrontend(asFrame(frame), stage))

describe('messages without a body', () => {
  test.each(['copyDone', 'flush', 'sync', 'terminate'] as const)('frontend %s', kind => {
    const frame = encodeFrontend({ kind })
    expect(frame).toEqual(Uint8Array.of(FRONTEND[kind], 0, 0, 0, 4))
    expect(decodeFrontend(asFrame(frame), null)).toEqual({ kind })
    expect(codeOf(() => decodeFrontend({ tag: FRONTEND[kind], body: Uint8Array.of(0) }, null))).toBe('MALFORMED')
  })

  test.each([
    'bindComplete',
    'closeComplete',
    'copyDone',
    'emptyQueryResponse',
    'noData',
    'parseComplete',
    'portalSuspended',
  ] as const)('backend %s', kind => {
    const frame = encodeBackend({ kind })
    expect(frame).toEqual(Uint8Array.of(BACKEND[kind], 0, 0, 0, 4))
    expect(decodeBackend(asFrame(frame))).toEqual({ kind })
    expect(codeOf(() => decodeBackend({ tag: BACKEND[kind], body: Uint8Array.of(0) }))).toBe('MALFORMED')
  })
})

test('every byte is a tag of the table or an UNKNOWN_TAG', () => {
  for (let tag = 0; tag < 256; tag++) {
    const body = new Uint8Array(0)
    const isClients = FRONTEND_TAGS.has(tag) && tag !== FRONTEND.password
    expect(codeOf(() => decodeFrontend({ tag, body }, null)) === 'UNKNOWN_TAG').toBe(!isClients)
    const isServers = Object.values<number>(BACKEND).includes(tag)
    expect(codeOf(() => decodeBackend({ tag, body })) === 'UNKNOWN_TAG').toBe(!isServers)
  }
})

describe('E6 what `p` means', () => {
  test('is nothing where the server asked for nothing', () => {
    const frame = { tag: FRONTEND.password, body: Uint8Array.of(0x78, 0) }
    expect(codeOf(() => decodeFrontend(frame, null))).toBe('UNKNOWN_TAG')
    expect(STAGES.map(stage => codeOf(() => decodeFrontend(frame, stage)))).toEqual([
      { kind: 'password', message: { password: 'x' } },
      'MALFORMED',
      { kind: 'saslResponse', message: { data: frame.body } },
      { kind: 'gssResponse', message: { data: frame.body } },
    ])
  })

  test.each<[Authentication['kind'], AuthenticationStage | null]>([
    ['ok', null],
    ['kerberos-v5', null],
    ['cleartext-password', 'password'],
    ['md5-password', 'password'],
    ['gss', 'gss'],
    ['gss-continue', 'gss'],
    ['sspi', 'gss'],
    ['sasl', 'saslInitial'],
    ['sasl-continue', 'sasl'],
    ['sasl-final', null],
    ['unsupported', null],
  ])('follows from %s', (kind, stage) => {
    const samples: readonly Authentication[] = [
      { kind: 'ok' },
      { kind: 'kerberos-v5' },
      { kind: 'cleartext-password' },
      { kind: 'md5-password', salt: Uint8Array.of(1, 2, 3, 4) },
      { kind: 'gss' },
      { kind: 'gss-continue', data: Uint8Array.of(1) },
      { kind: 'sspi' },
      { kind: 'sasl', mechanisms: ['SCRAM-SHA-256'] },
      { kind: 'sasl-continue', data: Uint8Array.of(1) },
      { kind: 'sasl-final', data: Uint8Array.of(1) },
      { kind: 'unsupported', type: 6, data: Uint8Array.of(1) },
    ]
    const sample = samples.find(each => each.kind === kind)!
    expect(decodeAuthentication(encodeAuthentication(sample).subarray(HEADER))).toEqual(sample)
    expect(authenticationStage(sample)).toBe(stage)
  })
})

test('a scanner can be given in a frame’s place', () => {
  const scanner = new FrameScanner({ frameBytesMax: 1000, tags: FRONTEND_TAGS })
  const stream = Uint8Array.of(...encodeFrontend({ kind: 'sync' }), ...encodeFrontend({ kind: 'flush' }))
  scanner.push(stream)
  const kinds: string[] = []
  while (scanner.next()) kinds.push(decodeFrontend(scanner, null).kind)
  expect(kinds).toEqual(['sync', 'flush'])
})
