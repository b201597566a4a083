import { type OidcServer, startOidcProvider } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handWorld } from '../test/a-world.ts'
import { refusalOf } from '../test/refusal.ts'
import { oidcVerifier } from './oidc-verifier.ts'

let provider: OidcServer
beforeAll(async () => {
  provider = await startOidcProvider({ clients: { agent: { groups: [] } }, groupsBySubject: {} })
})
afterAll(() => provider.stop())

const verifier = (keep: readonly string[]) =>
  oidcVerifier({
    issuer: provider.issuer,
    audience: 'querywarden',
    tokenType: { kind: 'access', typ: 'required' },
    allowHttpLoopback: true,
    claims: { groups: 'groups', keep },
    world: handWorld().world,
  })
const signed = (more: Record<string, unknown>) => {
  const iat = Math.floor(Date.now() / 1_000)
  const base = { iss: provider.issuer, aud: 'querywarden', sub: 'alice', client_id: 'agent', iat, exp: iat + 60 }
  return provider.sign({ ...base, ...more }, { alg: 'RS256', typ: 'at+jwt' })
}
const principalOf = async (keep: readonly string[], more: Record<string, unknown>) =>
  verifier(keep)({ kind: 'bearer', token: await signed(more), remoteAddress: '192.0.2.1' }, Date.now())

describe('claims that rules may ask for', () => {
  test('are kept where the configuration names them, as they are, and no others', async () => {
    const given = { department: 'finance', clearance: 3, verified: true, roles: ['a', 'b', 'a'], secret: 's3cret' }
    const { claims } = await principalOf(['department', 'clearance', 'verified', 'roles', 'absent'], given)
    expect(claims).toEqual([
      { name: 'department', values: ['finance'] },
      { name: 'clearance', values: [3] },
      { name: 'verified', values: [true] },
      { name: 'roles', values: ['a', 'b'] },
    ])
    expect(JSON.stringify(await principalOf(['department'], given))).not.toContain('s3cret')
    expect((await principalOf([], given)).claims).toBeUndefined()
  })

  test('I2: are never what objects inherit, nor of another name that looks alike', async () => {
    const { claims } = await principalOf(['toString', '__proto__', 'department'], { Department: 'x', dеpartment: 'y' })
    expect(claims).toEqual([])
  })

  test("are the agent's own where it acts for somebody, and never the person's", async () => {
    const principal = await principalOf(['department'], { department: 'finance', act: { sub: 'devin' } })
    expect(principal.claims).toEqual([{ name: 'department', values: ['finance'] }])
    expect(principal.actor?.claims).toEqual([])
    const both = await principalOf(['department'], { department: 'a', act: { sub: 'devin', department: 'b' } })
    expect(both.actor?.claims).toEqual([{ name: 'department', values: ['b'] }])
  })

  test.each([
    { department: { name: 'finance' } },
    { department: null },
    { department: [['finance']] },
    { department: '' },
    { department: 'fin\nance' },
    { department: 'x'.repeat(256) },
    { department: Array.from({ length: 101 }, (_, index) => index) },
    { _claim_names: { department: 'src1' } },
  ])('a kept claim that no rule could read makes the token unfit: %j', async more => {
    const token = await signed(more)
    expect(await refusalOf(verifier(['department']), token)).toBe('CLAIM_INVALID')
    expect(await refusalOf(verifier(['other']), token)).toBe('taken')
  })

  test.each([[['jti']], [['cnf']], [['a', 'a']], [['']], [Array.from({ length: 33 }, (_, index) => `c${index}`)]])(
    'names that are not kept are refused at once: %j',
    keep => {
      expect(() => verifier(keep)).toThrow(/claims\.keep/)
    },
  )
})
