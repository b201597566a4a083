import { type OidcServer, startOidcProvider } from '@querywarden/dev-servers'
import type { Verifier } from '@querywarden/policy-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handWorld } from '../test/a-world.ts'
import { refusalOf } from '../test/refusal.ts'
import { firstOf } from './first-of.ts'
import { oidcVerifier } from './oidc-verifier.ts'
import { STATIC_ISSUER, staticTokens } from './static-tokens.ts'

let one: OidcServer
let two: OidcServer
beforeAll(async () => {
  ;[one, two] = await Promise.all([startOidcProvider(), startOidcProvider()])
})
afterAll(() => Promise.all([one.stop(), two.stop()]))

const oidc = ({ issuer }: OidcServer) =>
  oidcVerifier({
    issuer,
    audience: 'querywarden',
    tokenType: { kind: 'access', typ: 'required' },
    allowHttpLoopback: true,
    world: handWorld().world,
  })
/** Counts how often it is asked. */
const counted = (verify: Verifier) => {
  const asked = { times: 0 }
  const counting: Verifier = (credential, now) => {
    asked.times++
    return verify(credential, now)
  }
  return { asked, verify: counting }
}
const setUp = () => {
  const first = counted(oidc(one))
  const second = counted(oidc(two))
  const fixed = counted(staticTokens({ tokens: [{ token: 'development', subject: 'devin', groups: [] }] }))
  const verify = firstOf([
    { issuer: one.issuer, verify: first.verify },
    { issuer: two.issuer, verify: second.verify },
    { issuer: STATIC_ISSUER, verify: fixed.verify },
  ])
  return { verify, times: () => [first.asked.times, second.asked.times, fixed.asked.times] }
}

test('I3: each token goes to the verifier of its issuer, and to no other', async () => {
  const { verify, times } = setUp()
  expect(await refusalOf(verify, await one.token())).toBe('taken')
  expect(times()).toEqual([1, 0, 0])
  expect(await refusalOf(verify, await two.token())).toBe('taken')
  expect(times()).toEqual([1, 1, 0])
  expect(await refusalOf(verify, 'development', Date.now(), '127.0.0.1')).toBe('taken')
  expect(times()).toEqual([1, 1, 1])
})

test("I3: one issuer's signature under another issuer's name", async () => {
  const { verify, times } = setUp()
  const seconds = Math.floor(Date.now() / 1000)
  const claims = { iss: two.issuer, aud: 'querywarden', sub: 'alice', iat: seconds, exp: seconds + 60 }
  expect(await refusalOf(verify, await one.sign(claims, { alg: 'RS256', typ: 'at+jwt' }))).toBe('BAD_SIGNATURE')
  expect(times()).toEqual([0, 1, 0])
})

test.each(['https://elsewhere.example', STATIC_ISSUER, '__proto__', 7, undefined])(
  'a token of issuer %j goes nowhere',
  async iss => {
    const { verify, times } = setUp()
    const token = await one.sign({ iss, sub: 'devin' }, { alg: 'RS256', typ: 'at+jwt' })
    expect(await refusalOf(verify, token, Date.now(), '127.0.0.1')).toBe('UNKNOWN_ISSUER')
    expect(times()).toEqual([0, 0, 0])
  },
)

test('other texts are for the development tokens, where there are any', async () => {
  const { verify } = setUp()
  expect(await refusalOf(verify, 'a.b.c', Date.now(), '127.0.0.1')).toBe('TOKEN_MALFORMED')
  expect(await refusalOf(verify, 'nonsense', Date.now(), '127.0.0.1')).toBe('UNKNOWN_TOKEN')
  expect(await refusalOf(verify, 'a.b.c.d.e', Date.now(), '127.0.0.1')).toBe('UNKNOWN_TOKEN')
  expect(await refusalOf(verify, '.'.repeat(20_000))).toBe('TOKEN_TOO_LARGE')
  expect(await refusalOf(firstOf([{ issuer: one.issuer, verify: oidc(one) }]), 'nonsense')).toBe('UNKNOWN_TOKEN')
  expect(await refusalOf(firstOf([]), await one.token())).toBe('UNKNOWN_ISSUER')
})

test('I4: an issuer has one profile', () => {
  const verify = oidc(one)
  const twice = [
    { issuer: one.issuer, verify },
    { issuer: one.issuer, verify },
  ]
  expect(() => firstOf(twice)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
