import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { type OidcServer, startOidcProvider } from '@querywarden/dev-servers'
import { verifierLaws } from '@querywarden/policy-testing'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handWorld } from '../test/a-world.ts'
import { refusalOf } from '../test/refusal.ts'
import { IdentityError } from './identity-error.ts'
import { type OidcOptions, oidcVerifier } from './oidc-verifier.ts'

let provider: OidcServer
beforeAll(async () => {
  provider = await startOidcProvider({
    clients: { agent: { groups: ['ai-agents'] }, ci: { groups: [] } },
    groupsBySubject: { alice: ['dba', 'pii-readers'] },
  })
})
afterAll(() => provider.stop())

const verifier = (options: Partial<OidcOptions> = {}) =>
  oidcVerifier({
    issuer: provider.issuer,
    audience: 'querywarden',
    tokenType: { kind: 'access', typ: 'required' },
    allowHttpLoopback: true,
    world: handWorld().world,
    ...options,
  })
const bearer = (token: string) => ({ kind: 'bearer' as const, token, remoteAddress: '192.0.2.1' })
const seconds = () => Math.floor(Date.now() / 1000)
const claims = (more: Record<string, unknown> = {}) => ({
  iss: provider.issuer,
  aud: 'querywarden',
  sub: 'alice',
  client_id: 'agent',
  jti: 'one',
  iat: seconds(),
  exp: seconds() + 60,
  ...more,
})
const HEADER = { alg: 'RS256', typ: 'at+jwt' } as const
const signed = (more: Record<string, unknown>) => provider.sign(claims(more), HEADER)
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

describe('tokens of a real provider', () => {
  test("a client's own token", async () => {
    const token = await provider.token({ clientId: 'agent', ttlSeconds: 120 })
    const principal = await verifier()(bearer(token), Date.now())
    expect(principal).toEqual({
      issuer: provider.issuer,
      subject: 'agent',
      groups: ['ai-agents'],
      actor: null,
      expiresAt: decodeJwt(token).exp! * 1000,
      credentialDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(JSON.stringify(principal)).not.toContain(decodeJwt(token).jti!)
  })

  test('a person who signed in, and the agent that acts for her', async () => {
    const token = await provider.token({ subject: 'alice', claims: { act: { sub: 'devin', groups: ['ai-agents'] } } })
    expect(await verifier()(bearer(token), Date.now())).toMatchObject({
      subject: 'alice',
      groups: ['dba', 'pii-readers'],
      actor: { issuer: provider.issuer, subject: 'devin', groups: ['ai-agents'] },
    })
  })

  test.each(['ES256', 'EdDSA'] as const)('keys of %s', async alg => {
    const token = await provider.sign(claims(), { alg, typ: 'at+jwt' })
    expect(await refusalOf(verifier({ algorithms: [alg] }), token)).toBe('taken')
    expect(await refusalOf(verifier({ algorithms: ['PS256'] }), token)).toBe('ALGORITHM_REFUSED')
  })

  test('I6: an expired token is refused to the millisecond, and none lives longer than the cap', async () => {
    const token = await provider.token({ ttlSeconds: 30 })
    const { exp = 0, iat = 0 } = decodeJwt(token)
    expect(await refusalOf(verifier(), token, exp * 1000 - 1)).toBe('taken')
    expect(await refusalOf(verifier(), token, exp * 1000)).toBe('TOKEN_EXPIRED')
    const capped = verifier({ lifetimeMaxSeconds: 10 })
    expect((await capped(bearer(token), iat * 1000)).expiresAt).toBe((iat + 10) * 1000)
    expect(await refusalOf(capped, token, (iat + 10) * 1000)).toBe('TOKEN_EXPIRED')
  })

  test('I4: a token for another audience, or for ours and another', async () => {
    expect(await refusalOf(verifier(), await provider.token({ audience: 'elsewhere' }))).toBe('WRONG_AUDIENCE')
    const both = await signed({ aud: ['querywarden', 'account'] })
    expect(await refusalOf(verifier(), both)).toBe('WRONG_AUDIENCE')
    expect(await refusalOf(verifier({ otherAudiences: ['account'] }), both)).toBe('taken')
    for (const aud of [undefined, [], [['querywarden']], 'querywarden2', { querywarden: 1 }, ['account']]) {
      expect(await refusalOf(verifier({ otherAudiences: ['account'] }), await signed({ aud }))).toBe('WRONG_AUDIENCE')
    }
  })

  test('I4: an ID token is no access token, nor the other way round', async () => {
    const { idToken, accessToken } = await provider.signIn({ subject: 'alice', clientId: 'agent' })
    const ids = verifier({ tokenType: { kind: 'id' }, audience: 'agent' })
    expect(await ids(bearer(idToken), Date.now())).toMatchObject({ subject: 'alice', groups: ['dba', 'pii-readers'] })
    expect(await refusalOf(ids, await provider.token({ audience: 'agent' }))).toBe('WRONG_TOKEN_TYPE')
    expect(await refusalOf(verifier({ audience: 'agent' }), idToken)).toBe('WRONG_TOKEN_TYPE')
    expect(await refusalOf(verifier(), accessToken)).toBe('taken')
    const lenient = verifier({ audience: 'agent', tokenType: { kind: 'access', typ: 'optional' } })
    expect(await refusalOf(lenient, idToken)).toBe('WRONG_TOKEN_TYPE')
    expect(await refusalOf(lenient, await provider.token({ audience: 'agent' }))).toBe('taken')
  })

  test('I4: an issuer that does not say at+jwt', async () => {
    const optional = verifier({ tokenType: { kind: 'access', typ: 'optional' } })
    const ids = verifier({ tokenType: { kind: 'id' } })
    const codes = async (typ: string | undefined, more: Record<string, unknown>) => {
      const token = await provider.sign(claims(more), { alg: 'RS256', ...(typ === undefined ? {} : { typ }) })
      return [await refusalOf(optional, token), await refusalOf(ids, token), await refusalOf(verifier(), token)]
    }
    const no = 'WRONG_TOKEN_TYPE'
    const anonymous = { client_id: undefined }
    expect(await codes('JWT', {})).toEqual(['taken', no, no])
    expect(await codes(undefined, { ...anonymous, scope: 'a' })).toEqual(['taken', no, no])
    expect(await codes('JWT', { ...anonymous, typ: 'Bearer' })).toEqual(['taken', no, no])
    expect(await codes('JWT', { typ: 'Refresh' })).toEqual([no, no, no])
    expect(await codes('JWT', { ...anonymous, typ: 'ID' })).toEqual([no, 'taken', no])
    expect(await codes(undefined, anonymous)).toEqual([no, 'taken', no])
    expect(await codes('application/at+JWT', {})).toEqual(['taken', no, 'taken'])
    expect(await codes('logout+jwt', {})).toEqual([no, no, no])
    expect(await codes('JWT', { ...anonymous, events: {} })).toEqual([no, no, no])
    for (const mark of ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']) {
      expect(await codes('JWT', { [mark]: 'x' })).toEqual([no, no, no])
    }
    // Whoever sees both kinds can't be told that one is the other by its audience alone.
    expect(await refusalOf(ids, await provider.sign(claims({ ...anonymous, azp: 'ci' }), { alg: 'RS256' }))).toBe(
      'WRONG_PARTY',
    )
  })

  test('I4: a token given out to a client that is not listed', async () => {
    const listed = verifier({ authorizedParties: ['agent'] })
    expect(await refusalOf(listed, await provider.token({ clientId: 'agent' }))).toBe('taken')
    expect(await refusalOf(listed, await provider.token({ clientId: 'ci' }))).toBe('WRONG_PARTY')
    expect(await refusalOf(listed, await signed({ client_id: undefined }))).toBe('WRONG_PARTY')
    expect(await refusalOf(listed, await signed({ azp: 'ci' }))).toBe('WRONG_PARTY')
  })
})

describe('I1: algorithms', () => {
  test('none, in any spelling', async () => {
    for (const alg of ['none', 'None', 'NONE', '', null, undefined, ['RS256'], 'rs256']) {
      const token = `${part({ alg, kid: 'rs256-1', typ: 'at+jwt' })}.${part(claims())}.${part('x')}`
      expect(await refusalOf(verifier(), token)).toBe('ALGORITHM_REFUSED')
    }
    const unsigned = `${part({ alg: 'none', typ: 'at+jwt' })}.${part(claims())}.`
    expect(await refusalOf(verifier(), unsigned)).toBe('TOKEN_MALFORMED')
  })

  test('HS256 with the public key as the secret', async () => {
    const jwks: unknown = await (await fetch(`${provider.issuer}/jwks`)).json()
    const { keys } = jwks as { keys: { kid: string; n?: string }[] }
    for (const { kid, n = '' } of keys) {
      const input = `${part({ alg: 'HS256', kid, typ: 'at+jwt' })}.${part(claims())}`
      for (const secret of [n, JSON.stringify(jwks), Buffer.from(n, 'base64url')]) {
        const mac = createHmac('sha256', secret).update(input).digest('base64url')
        expect(await refusalOf(verifier(), `${input}.${mac}`)).toBe('ALGORITHM_REFUSED')
      }
    }
    expect(() => verifier({ algorithms: ['HS256' as 'RS256'] })).toThrow(IdentityError)
    expect(() => verifier({ algorithms: [] })).toThrow(IdentityError)
  })

  test("another key's id, and another algorithm of the same family", async () => {
    const token = await provider.sign(claims(), HEADER)
    const other = await provider.sign(claims(), { alg: 'ES256', typ: 'at+jwt', kid: decodeProtectedHeader(token).kid! })
    expect(await refusalOf(verifier(), other)).toBe('ALGORITHM_REFUSED')
    const [, body, signature] = token.split('.')
    const header = part({ ...decodeProtectedHeader(token), alg: 'RS512' })
    expect(await refusalOf(verifier({ algorithms: ['RS256', 'RS512'] }), `${header}.${body}.${signature}`)).toBe(
      'ALGORITHM_REFUSED',
    )
  })
})

describe('I2: headers and encoding', () => {
  test.each(['__proto__', 'constructor', 'toString', '../../etc/passwd', "' or 1=1 --", ' rs256-1', 'RS256-1', ''])(
    'kid %j is looked up exactly',
    async kid => {
      const code = await refusalOf(verifier(), await provider.sign(claims(), { ...HEADER, kid }))
      expect(code).toBe(kid === '' ? 'HEADER_REFUSED' : 'KEY_UNKNOWN')
    },
  )

  test('no kid, or one that is not text', async () => {
    expect(await refusalOf(verifier(), await provider.sign(claims(), { ...HEADER, kid: null }))).toBe('HEADER_REFUSED')
    for (const kid of [['rs256-1'], { toString: 'rs256-1' }, 1, null]) {
      const token = `${part({ ...HEADER, kid })}.${part(claims())}.${part('x')}`
      expect(await refusalOf(verifier(), token)).toBe('HEADER_REFUSED')
    }
  })

  test('a key of its own in the header', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = publicKey.export({ format: 'jwk' })
    for (const own of [
      { jwk },
      { jku: 'https://attacker.example/jwks' },
      { x5u: 'https://attacker.example' },
      { x5c: [] },
    ]) {
      const input = `${part({ ...HEADER, kid: 'rs256-1', ...own })}.${part(claims())}`
      const token = `${input}.${signBytes('sha256', Buffer.from(input), privateKey).toString('base64url')}`
      expect(await refusalOf(verifier(), token)).toBe('HEADER_REFUSED')
    }
    const input = `${part({ ...HEADER, kid: 'rs256-1' })}.${part(claims())}`
    const forged = `${input}.${signBytes('sha256', Buffer.from(input), privateKey).toString('base64url')}`
    expect(await refusalOf(verifier(), forged)).toBe(
      (await currentKid()) === 'rs256-1' ? 'BAD_SIGNATURE' : 'KEY_UNKNOWN',
    )
  })
  const currentKid = async () => decodeProtectedHeader(await provider.token()).kid

  test.each<Record<string, unknown>>([
    { crit: ['b64'], b64: false },
    { crit: [] },
    { b64: true },
    { zip: 'DEF' },
    { enc: 'A256GCM' },
    { cty: 'JWT' },
    { constructor: 1 },
  ])('header %j', async extra => {
    const token = `${part({ ...HEADER, kid: 'rs256-1', ...extra })}.${part(claims())}.${part('x')}`
    expect(await refusalOf(verifier(), token)).toBe('HEADER_REFUSED')
  })

  test('a name twice, escaped or nested or not', async () => {
    const [, body = '', signature = ''] = (await provider.sign(claims(), HEADER)).split('.')
    for (const payload of [
      '{"sub":"alice","sub":"root"}',
      '{"sub":"alice","s\\u0075b":"root"}',
      '{"act":{"sub":"a","x":[{},{"y":1}],"sub":"b"}}',
      '{"a":[{"b":1,"b":2}]}',
    ]) {
      expect(await refusalOf(verifier(), await provider.sign(payload, HEADER))).toBe('TOKEN_MALFORMED')
    }
    const twice = part('{"alg":"RS256","alg":"none","kid":"rs256-1","typ":"at+jwt"}')
    expect(await refusalOf(verifier(), `${twice}.${body}.${signature}`)).toBe('TOKEN_MALFORMED')
  })

  test('encoding that only a lenient reader takes', async () => {
    const token = await provider.token()
    const [head = '', body = '', signature = ''] = token.split('.')
    for (const text of [
      '',
      '..',
      `${token}=`,
      `${token}.`,
      `.${token}`,
      ` ${token}`,
      `${token}\n`,
      `${head}=.${body}.${signature}`,
      `${head}.${body}\u{0}.${signature}`,
      `${head}.${body}`,
      `${head}..${body}.${signature}.x`,
      `${head}.${part('[]')}.${signature}`,
      `${head}.${part('null')}.${signature}`,
      `${head}.${part('{"a":1}x')}.${signature}`,
      `${head}.${part('\u{feff}{}')}.${signature}`,
      `${head}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.${signature}`,
    ]) {
      expect(await refusalOf(verifier(), text)).toBe('TOKEN_MALFORMED')
    }
    expect(await refusalOf(verifier(), `${token}${'A'.repeat(16_384)}`)).toBe('TOKEN_TOO_LARGE')
  })
})

describe('claims', () => {
  test.each([
    [{ sub: undefined }, 'CLAIM_INVALID'],
    [{ sub: '' }, 'CLAIM_INVALID'],
    [{ sub: 7 }, 'CLAIM_INVALID'],
    [{ sub: 'alice\nroot' }, 'CLAIM_INVALID'],
    [{ sub: 'a'.repeat(256) }, 'CLAIM_INVALID'],
    [{ jti: 7 }, 'CLAIM_INVALID'],
    [{ groups: 'dba' }, 'CLAIM_INVALID'],
    [{ groups: { dba: true } }, 'CLAIM_INVALID'],
    [{ groups: ['dba', 7] }, 'CLAIM_INVALID'],
    [{ groups: null }, 'CLAIM_INVALID'],
    [{ _claim_names: { groups: 'src1' } }, 'CLAIM_INVALID'],
    [{ act: 'devin' }, 'CLAIM_INVALID'],
    [{ act: {} }, 'CLAIM_INVALID'],
    [{ act: { sub: 'devin', groups: 'all' } }, 'CLAIM_INVALID'],
    [{ exp: undefined }, 'CLAIM_INVALID'],
    [{ exp: '4102444800' }, 'CLAIM_INVALID'],
    [{ exp: Number.MAX_VALUE }, 'CLAIM_INVALID'],
    [{ iat: undefined }, 'CLAIM_INVALID'],
    [{ iat: -1 }, 'CLAIM_INVALID'],
    [{ nbf: 'soon' }, 'CLAIM_INVALID'],
    [{ exp: 1 }, 'TOKEN_EXPIRED'],
    [{ cnf: { jkt: 'x' } }, 'BINDING_UNSUPPORTED'],
    [{ iss: 'https://elsewhere.example' }, 'UNKNOWN_ISSUER'],
    [{ iss: undefined }, 'UNKNOWN_ISSUER'],
  ] as const)('%j: %s', async (change, code) => {
    expect(await refusalOf(verifier(), await signed(change))).toBe(code)
  })

  test('I3: the issuer is compared exactly', async () => {
    for (const iss of [`${provider.issuer}/`, provider.issuer.toUpperCase(), [provider.issuer]]) {
      expect(await refusalOf(verifier(), await signed({ iss }))).toBe('UNKNOWN_ISSUER')
    }
  })

  test('F30: a token from the future, within the tolerance and beyond', async () => {
    const soon = await signed({ iat: seconds() + 20, nbf: seconds() + 20 })
    expect(await refusalOf(verifier(), soon)).toBe('taken')
    expect(await refusalOf(verifier({ clockSkewSeconds: 0 }), soon)).toBe('TOKEN_NOT_YET_VALID')
    expect(await refusalOf(verifier(), await signed({ nbf: seconds() + 50 }))).toBe('TOKEN_NOT_YET_VALID')
    expect(await refusalOf(verifier(), await signed({ iat: seconds() + 50 }))).toBe('TOKEN_NOT_YET_VALID')
    expect(() => verifier({ clockSkewSeconds: 61 })).toThrow(IdentityError)
  })

  test('groups are found by name or path, and are none where the claim is missing', async () => {
    const find = async (groups: string | readonly string[], token: Promise<string>) =>
      (await verifier({ claims: { groups } })(bearer(await token), Date.now())).groups
    expect(await find('https://example.com/groups', signed({ 'https://example.com/groups': ['a', 'b', 'a'] }))).toEqual(
      ['a', 'b'],
    )
    expect(await find(['realm_access', 'roles'], signed({ realm_access: { roles: ['a'] } }))).toEqual(['a'])
    expect(await find(['realm_access', 'roles'], signed({}))).toEqual([])
    expect(await find('realm_access.roles', signed({ realm_access: { roles: ['a'] } }))).toEqual([])
    expect(await find('constructor', signed({}))).toEqual([])
    const wrong = verifier({ claims: { groups: ['realm_access', 'roles'] } })
    expect(await refusalOf(wrong, await signed({ realm_access: 'admin' }))).toBe('CLAIM_INVALID')
  })

  test("an agent's groups come from the configuration, else from the token, else there are none", async () => {
    const actors = [{ subject: 'devin', groups: ['ai-agents'] }]
    const actorOf = async (act: unknown) =>
      (await verifier({ actors })(bearer(await signed({ act })), Date.now())).actor
    expect(await actorOf({ sub: 'devin', groups: ['dba'] })).toMatchObject({ groups: ['ai-agents'] })
    expect(await actorOf({ sub: 'robin', groups: ['bots'], act: { sub: 'x' } })).toMatchObject({ groups: ['bots'] })
    expect(await actorOf({ sub: 'robin' })).toMatchObject({ issuer: provider.issuer, groups: [] })
    expect(await actorOf({ sub: 'devin', iss: 'https://agents.example' })).toEqual({
      issuer: 'https://agents.example',
      subject: 'devin',
      groups: [],
    })
  })

  test('I5: sessions of one token share a digest, those of two tokens do not', async () => {
    const digest = async (token: string) => (await verifier()(bearer(token), Date.now())).credentialDigest
    const token = await provider.token()
    expect(await digest(token)).toBe(await digest(token))
    expect(await digest(token)).not.toBe(await digest(await provider.token()))
    expect(await digest(await signed({ jti: undefined }))).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('the laws of every verifier', () => {
  const laws = verifierLaws(async () => ({ verify: verifier(), goodToken: await provider.token(), now: Date.now() }), {
    runs: 300,
  })
  for (const law of laws) test(law.name, law.check)
})

test.each([
  'http://idp.example.com',
  'ftp://idp',
  'https://*.example.com',
  'https://idp.example.com?a',
  'idp',
  'https://u:p@idp',
])('I3: %s is no issuer', issuer => {
  expect(() => verifier({ issuer })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
test('http on loopback must be allowed', () => {
  expect(() => verifier({ allowHttpLoopback: false })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
