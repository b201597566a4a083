import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type OidcServer, startOidcProvider } from './start-oidc-provider.ts'

let provider: OidcServer
const said: unknown[] = []
beforeAll(async () => {
  for (const level of ['info', 'warn', 'log', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((...words) => void said.push(words))
  }
  provider = await startOidcProvider({
    clients: { agent: { groups: ['ai-agents'] }, 'odd:client id': {} },
    groupsBySubject: { alice: ['dba', 'pii-readers'] },
  })
})
afterEach(() => provider.setJwks('serve'))
afterAll(() => provider.stop())

const verify = (token: string, audience = 'querywarden') =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${provider.issuer}/jwks`)), { issuer: provider.issuer, audience })

test('a client gets a JWT access token of its own', async () => {
  const { payload, protectedHeader } = await verify(await provider.token({ clientId: 'agent' }))
  expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) })
  expect(payload).toMatchObject({ sub: 'agent', client_id: 'agent', groups: ['ai-agents'], jti: expect.any(String) })
  expect(payload.exp! - payload.iat!).toBe(600)
})

test('a request can ask for its own lifetime, audience, groups and claims', async () => {
  const token = await provider.token({
    clientId: 'odd:client id',
    ttlSeconds: 5,
    audience: 'something else',
    groups: ['a'],
    claims: { act: { sub: 'bot' }, iss: 'nobody' },
  })
  const { payload } = await verify(token, 'something else')
  expect(payload).toMatchObject({ sub: 'odd:client id', groups: ['a'], act: { sub: 'bot' }, iss: provider.issuer })
  expect(payload.exp! - payload.iat!).toBe(5)
})

test('a person signs in and gets both tokens', async () => {
  const { accessToken, idToken } = await provider.signIn({ subject: 'alice', claims: { act: { sub: 'agent' } } })
  expect((await verify(accessToken)).payload).toMatchObject({
    sub: 'alice',
    client_id: 'agent',
    groups: ['dba', 'pii-readers'],
    act: { sub: 'agent' },
  })
  expect(decodeProtectedHeader(accessToken).typ).toBe('at+jwt')
  expect((await verify(idToken, 'agent')).payload).toMatchObject({ sub: 'alice', groups: ['dba', 'pii-readers'] })
  expect(decodeProtectedHeader(idToken).typ).toBeUndefined()
  expect(decodeJwt(await provider.token({ subject: 'bob' }))).toMatchObject({ sub: 'bob', groups: [] })
})

test('keys rotate', async () => {
  const before = await provider.token()
  await verify(before)
  await provider.rotateKeys()
  await expect(verify(before)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
  await verify(await provider.token())
  await verify(await provider.sign({ iss: provider.issuer, aud: 'querywarden' }, { alg: 'ES256' }))
})

test('fetches of the keys are counted, and can fail', async () => {
  const token = await provider.token()
  const before = provider.jwksFetches
  await verify(token)
  expect(provider.jwksFetches).toBe(before + 1)
  provider.setJwks('fail')
  await expect(verify(token)).rejects.toThrow()
  provider.setJwks('hang')
  await expect(fetch(`${provider.issuer}/jwks`, { signal: AbortSignal.timeout(100) })).rejects.toThrow()
  expect(provider.jwksFetches).toBe(before + 3)
})

test('a stray visitor of the sign-in page is told off, and the provider lives on', async () => {
  expect((await fetch(`${provider.issuer}/sign-in`)).status).toBe(400)
  await verify(await provider.token())
})

test('providers can be started at the same time', async () => {
  const { info, warn } = globalThis.console
  const several = await Promise.all([startOidcProvider(), startOidcProvider(), startOidcProvider()])
  const after = globalThis.console
  expect([after.info, after.warn]).toEqual([info, warn])
  await Promise.all(several.map(other => other.stop()))
})

test('says nothing on the console', () => {
  expect(said).toEqual([])
})

test.each(['ES256', 'EdDSA'] as const)('signs with %s where asked to', async alg => {
  const other = await startOidcProvider({ accessTokenAlg: alg, idTokenAlg: alg })
  try {
    const { accessToken, idToken } = await other.signIn({ subject: 'alice' })
    expect([decodeProtectedHeader(accessToken).alg, decodeProtectedHeader(idToken).alg]).toEqual([alg, alg])
  } finally {
    await other.stop()
  }
})
