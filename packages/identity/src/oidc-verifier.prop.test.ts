import { type OidcServer, startOidcProvider } from '@querywarden/dev-servers'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handWorld } from '../test/a-world.ts'
import { refusalOf } from '../test/refusal.ts'
import { oidcVerifier } from './oidc-verifier.ts'
import { parseStrictObject } from './strict-json.ts'

let provider: OidcServer
const tokens: string[] = []
beforeAll(async () => {
  provider = await startOidcProvider()
  const exp = Math.floor(Date.now() / 1000) + 600
  const claims = { iss: provider.issuer, aud: 'querywarden', sub: 'alice', iat: exp - 600, exp }
  for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) {
    tokens.push(await provider.sign(claims, { alg, typ: 'at+jwt' }))
  }
})
afterAll(() => provider.stop())

const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']

/** One change to a token, at a place that is a fraction of its length. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  kind: fc.constantFrom('replace', 'insert', 'delete', 'swap', 'cut', 'flip', 'edit'),
  char: fc.oneof(fc.constantFrom(...BASE64URL), fc.constantFrom('.', '=', '+', '/', ' ', '\n', '\u{0}', 'é')),
  to: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  part: fc.constantFrom(0, 1),
  name: fc.constantFrom('alg', 'kid', 'typ', 'jwk', 'crit', 'iss', 'aud', 'sub', 'exp', 'groups'),
  value: fc.oneof(
    fc.constantFrom('none', 'HS256', 'RS256', 'rs256-1', 'es256-1', 'root'),
    fc.jsonValue({ maxDepth: 1 }),
  ),
})
/** Half of the time nothing but members change, so that what is refused is well formed. */
const changes = fc.oneof(
  fc.array(change, { minLength: 1, maxLength: 3 }),
  fc.array(change, { minLength: 1, maxLength: 2 }).map(all => all.map(one => ({ ...one, kind: 'edit' as const }))),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function changed(token: string, { at, kind, char, to, part, name, value }: Change): string {
  const i = Math.floor(at * token.length)
  const j = Math.floor(to * token.length)
  const [low, high] = i < j ? [i, j] : [j, i]
  switch (kind) {
    case 'replace':
      return token.slice(0, i) + char + token.slice(i + 1)
    case 'insert':
      return token.slice(0, i) + char + token.slice(i)
    case 'delete':
      return token.slice(0, i) + token.slice(i + 1)
    case 'cut':
      return token.slice(0, low) + token.slice(high)
    case 'swap':
      return (
        token.slice(0, low) +
        token.charAt(high) +
        token.slice(low + 1, high) +
        token.charAt(low) +
        token.slice(high + 1)
      )
    case 'edit': {
      // A member of the header or the payload, under the old signature.
      const parts = token.split('.')
      const object = parseStrictObject(Buffer.from(parts[part] ?? '', 'base64url'))
      if (object) parts[part] = Buffer.from(JSON.stringify({ ...object, [name]: value })).toString('base64url')
      return parts.join('.')
    }
    default: {
      // One bit of the decoded part that the place is in.
      const parts = token.split('.')
      const which = i % parts.length
      const bytes = Buffer.from(parts[which] ?? '', 'base64url')
      const byte = Math.floor(to * bytes.length)
      bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (i % 8))
      parts[which] = bytes.toString('base64url')
      return parts.join('.')
    }
  }
}

test('I1, I2: no changed token is ever taken', async () => {
  const verify = oidcVerifier({
    issuer: provider.issuer,
    audience: 'querywarden',
    tokenType: { kind: 'access', typ: 'required' },
    algorithms: ['RS256', 'ES256', 'EdDSA'],
    allowHttpLoopback: true,
    world: handWorld().world,
  })
  for (const token of tokens) expect(await refusalOf(verify, token)).toBe('taken')
  const met = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...tokens), changes, async (token, all) => {
      const text = all.reduce(changed, token)
      fc.pre(!tokens.includes(text))
      const code = await refusalOf(verify, text)
      expect(code).not.toBe('taken')
      met.set(code, (met.get(code) ?? 0) + 1)
    }),
    { numRuns: 10_000 },
  )
  // The changes reach every check up to the signature.
  const reached = [
    'TOKEN_MALFORMED',
    'HEADER_REFUSED',
    'ALGORITHM_REFUSED',
    'UNKNOWN_ISSUER',
    'KEY_UNKNOWN',
    'BAD_SIGNATURE',
  ]
  expect(reached.filter(code => (met.get(code) ?? 0) < 10)).toEqual([])
}, 120_000)
