import { createServer, type Server } from 'node:http'
import { type OidcServer, startOidcProvider } from '@querywarden/dev-servers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type HandWorld, handWorld } from '../test/a-world.ts'
import { refusalOf } from '../test/refusal.ts'
import type { KeyEvent } from './key-cache.ts'
import { type OidcOptions, oidcVerifier } from './oidc-verifier.ts'

const MINUTE = 60_000
interface PublishedKeys {
  readonly keys: readonly {
    readonly kty: string
    readonly kid: string
    readonly n?: string
    readonly alg?: string
    readonly use?: string
  }[]
}
let provider: OidcServer
let hand: HandWorld
let events: KeyEvent[]
let now: number
beforeEach(async () => {
  provider = await startOidcProvider()
  hand = handWorld()
  events = []
  now = Date.now()
})
afterEach(() => provider.stop())

const verifier = (options: Partial<OidcOptions> = {}) =>
  oidcVerifier({
    issuer: provider.issuer,
    audience: 'querywarden',
    tokenType: { kind: 'access', typ: 'required' },
    allowHttpLoopback: true,
    lifetimeMaxSeconds: 86_400,
    world: hand.world,
    onKeys: event => events.push(event),
    ...options,
  })
const longToken = () => provider.token({ ttlSeconds: 86_400 })

describe('with the provider up', () => {
  test('keys are fetched once, for however many logins at a time', async () => {
    const verify = verifier()
    const token = await longToken()
    expect(provider.jwksFetches).toBe(0)
    const codes = await Promise.all(Array.from({ length: 50 }, () => refusalOf(verify, token, now)))
    expect(new Set(codes)).toEqual(new Set(['taken']))
    hand.advance(9 * MINUTE)
    await refusalOf(verify, token, now)
    expect(provider.jwksFetches).toBe(1)
    hand.advance(1 * MINUTE)
    await refusalOf(verify, token, now)
    expect(provider.jwksFetches).toBe(2)
  })

  test('F4: a new key is found at once, and a removed one refused from the next refresh', async () => {
    const verify = verifier()
    const old = await longToken()
    expect(await refusalOf(verify, old, now)).toBe('taken')
    await provider.rotateKeys()
    const fresh = await longToken()
    expect(await refusalOf(verify, fresh, now)).toBe('KEY_UNKNOWN')
    hand.advance(30_000)
    expect(await refusalOf(verify, old, now)).toBe('taken')
    expect(await refusalOf(verify, fresh, now)).toBe('taken')
    expect(await refusalOf(verify, old, now)).toBe('KEY_UNKNOWN')
  })

  test('F4: without new logins, a removed key is refused when the keys are no longer fresh', async () => {
    const verify = verifier()
    const old = await longToken()
    expect(await refusalOf(verify, old, now)).toBe('taken')
    await provider.rotateKeys()
    hand.advance(10 * MINUTE)
    expect(await refusalOf(verify, old, now)).toBe('KEY_UNKNOWN')
  })

  test('F3: a storm of unknown keys makes one fetch in 30 seconds', async () => {
    const verify = verifier()
    await refusalOf(verify, await longToken(), now)
    const before = provider.jwksFetches
    const claims = { iss: provider.issuer }
    for (let second = 0; second < 90; second++) {
      const storm = Array.from({ length: 5 }, (_, i) =>
        provider.sign(claims, { alg: 'RS256', typ: 'at+jwt', kid: `unknown-${second}-${i}` }),
      )
      const codes = await Promise.all((await Promise.all(storm)).map(token => refusalOf(verify, token, now)))
      expect(new Set(codes)).toEqual(new Set(['KEY_UNKNOWN']))
      hand.advance(1_000)
    }
    expect(provider.jwksFetches - before).toBe(2)
  })
})

describe.each(['fail', 'gone'] as const)('with the provider down (%s)', how => {
  const goDown = async () => (how === 'fail' ? provider.setJwks('fail') : provider.stop())

  test('F1, F2: cached keys are good for an hour, and then nothing is', async () => {
    const verify = verifier()
    const token = await longToken()
    expect(await refusalOf(verify, token, now)).toBe('taken')
    await goDown()
    hand.advance(9 * MINUTE)
    expect(await refusalOf(verify, token, now)).toBe('taken')
    hand.advance(50 * MINUTE)
    expect(await refusalOf(verify, token, now)).toBe('taken')
    expect(events.at(-1)).toMatchObject({ kind: 'refresh-failed', failures: 1 })
    hand.advance(1 * MINUTE + 1)
    expect(await refusalOf(verify, token, now)).toBe('KEYS_UNAVAILABLE')
  })

  test('F3: unknown keys are refused, and a token is never good past its end', async () => {
    const verify = verifier()
    const token = await longToken()
    const stranger = await provider.sign({ iss: provider.issuer }, { alg: 'RS256', typ: 'at+jwt', kid: 'unknown' })
    expect(await refusalOf(verify, token, now)).toBe('taken')
    await goDown()
    expect(await refusalOf(verify, stranger, now)).toBe('KEY_UNKNOWN')
    hand.advance(15 * MINUTE)
    expect(await refusalOf(verify, stranger, now)).toBe('KEYS_UNAVAILABLE')
    expect(await refusalOf(verify, token, now)).toBe('taken')
    expect(await refusalOf(verify, token, now + 86_400_000 + 1000)).toBe('TOKEN_EXPIRED')
  })

  test('without any keys everything is refused, with longer and longer pauses between the attempts', async () => {
    const verify = verifier()
    const token = await longToken()
    await goDown()
    for (let second = 0; second < 120; second++) {
      expect(await refusalOf(verify, token, now)).toBe('KEYS_UNAVAILABLE')
      hand.advance(1_000)
    }
    const attempts = events.filter(({ kind }) => kind === 'refresh-failed')
    // After 1, 2, 4, 8, 16 and then every 30 seconds.
    expect(attempts).toHaveLength(8)
  })
})

test('a provider that comes back is found again', async () => {
  const verify = verifier()
  const token = await longToken()
  provider.setJwks('fail')
  expect(await refusalOf(verify, token, now)).toBe('KEYS_UNAVAILABLE')
  provider.setJwks('serve')
  expect(await refusalOf(verify, token, now)).toBe('KEYS_UNAVAILABLE')
  hand.advance(1_000)
  expect(await refusalOf(verify, token, now)).toBe('taken')
})

test('a provider that never answers is given up on', async () => {
  provider.setJwks('hang')
  let alarms = 0
  const impatient = verifier({
    world: {
      ...hand.world,
      sleep: async (_ms, signal) => {
        await waitFor(() => provider.jwksFetches > 0, signal)
        alarms++
      },
    },
    keys: { kind: 'url', url: `${provider.issuer}/jwks` },
  })
  expect(await refusalOf(impatient, await longToken(), now)).toBe('KEYS_UNAVAILABLE')
  expect(alarms).toBe(1)
})

async function waitFor(holds: () => boolean, signal: AbortSignal): Promise<void> {
  while (!holds()) {
    signal.throwIfAborted()
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('keys can be given in the configuration', async () => {
  const jwks: unknown = await (await fetch(`${provider.issuer}/jwks`)).json()
  const verify = verifier({ keys: { kind: 'fixed', jwks: jwks as { keys: unknown[] } } })
  const token = await longToken()
  await provider.stop()
  expect(await refusalOf(verify, token, now)).toBe('taken')
  expect(hand.fetched).toEqual([])
})

describe('I3: what an issuer may answer', () => {
  let server: Server
  let asked: (string | undefined)[]
  let issuer: string
  let pages: Record<string, { status?: number; body?: unknown; location?: string }>
  beforeEach(async () => {
    pages = {}
    asked = []
    server = createServer((request, response) => {
      asked.push(request.url)
      const { status = 200, body = {}, location } = pages[request.url ?? ''] ?? { status: 404 }
      response.writeHead(status, location === undefined ? {} : { location })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  })
  afterEach(() => new Promise(resolve => server.close(resolve)))

  const DISCOVERY = '/.well-known/openid-configuration'
  const token = async () => {
    const seconds = Math.floor(now / 1000)
    return provider.sign(
      { iss: issuer, aud: 'querywarden', sub: 'alice', iat: seconds, exp: seconds + 60 },
      { alg: 'RS256', typ: 'at+jwt' },
    )
  }
  const goodKeys = async (): Promise<PublishedKeys> =>
    (await (await fetch(`${provider.issuer}/jwks`)).json()) as PublishedKeys

  test('a sound document and sound keys', async () => {
    pages = { [DISCOVERY]: { body: { issuer, jwks_uri: `${issuer}/keys` } }, '/keys': { body: await goodKeys() } }
    expect(await refusalOf(verifier({ issuer }), await token(), now)).toBe('taken')
  })

  test.each([
    ['another issuer', () => ({ issuer: 'https://idp.example.com', jwks_uri: `${issuer}/keys` })],
    ['no issuer', () => ({ jwks_uri: `${issuer}/keys` })],
    ['no keys', () => ({ issuer })],
    ['keys by http elsewhere', () => ({ issuer, jwks_uri: 'http://169.254.169.254/latest' })],
    ['keys in a file', () => ({ issuer, jwks_uri: 'file:///etc/passwd' })],
    ['a repeated name', () => `{"issuer":"${issuer}","issuer":"${issuer}","jwks_uri":"${issuer}/keys"}`],
    ['no JSON', () => '<html>'],
    ['too much', () => JSON.stringify({ issuer, jwks_uri: `${issuer}/keys`, more: 'x'.repeat(262_144) })],
  ])('a document with %s', async (_name, body) => {
    pages = { [DISCOVERY]: { body: body() }, '/keys': { body: await goodKeys() } }
    expect(await refusalOf(verifier({ issuer }), await token(), now)).toBe('KEYS_UNAVAILABLE')
    expect(hand.fetched).toEqual([`${issuer}${DISCOVERY}`])
  })

  test('a redirect is not followed', async () => {
    pages = {
      [DISCOVERY]: { body: { issuer, jwks_uri: `${issuer}/moved` } },
      '/moved': { status: 302, location: '/keys' },
      '/keys': { body: await goodKeys() },
    }
    expect(await refusalOf(verifier({ issuer }), await token(), now)).toBe('KEYS_UNAVAILABLE')
    expect(asked).toEqual([DISCOVERY, '/moved'])
  })

  test('weak, foreign, doubtful and too many keys', async () => {
    const { keys } = await goodKeys()
    const rsa = keys.find(({ kty }) => kty === 'RSA')!
    const short = { ...rsa, n: String(rsa.n).slice(0, 170) }
    const codeFor = async (set: unknown) => {
      pages = { '/keys': { body: set } }
      return refusalOf(verifier({ issuer, keys: { kind: 'url', url: `${issuer}/keys` } }), await token(), now)
    }
    expect(await codeFor({ keys: [rsa] })).toBe('taken')
    expect(await codeFor({ keys: [null, 7, {}, { kty: 'oct', k: 'x', kid: 'other' }, rsa] })).toBe('taken')
    const { alg: _alg, use: _use, ...bare } = rsa
    expect(await codeFor({ keys: [bare] })).toBe('taken')
    for (const unusable of [
      short,
      { ...rsa, e: 'AQ' },
      { ...rsa, use: 'enc' },
      { ...rsa, key_ops: ['sign'] },
      { ...rsa, alg: 'RS512' },
      { ...rsa, alg: 'none' },
      { ...rsa, kty: 'EC' },
      { kty: 'oct', k: rsa.n, kid: rsa.kid, alg: 'RS256' },
    ]) {
      expect(await codeFor({ keys: [unusable] })).toBe('KEY_UNKNOWN')
    }
    expect(await codeFor({ keys: [rsa, { ...rsa, n: short.n }] })).toBe('KEY_UNKNOWN')
    expect(await codeFor({ keys: [rsa, ...Array.from({ length: 100 }, (_, i) => ({ ...rsa, kid: `k${i}` }))] })).toBe(
      'KEYS_UNAVAILABLE',
    )
    expect(await codeFor({})).toBe('KEYS_UNAVAILABLE')
  })
})
