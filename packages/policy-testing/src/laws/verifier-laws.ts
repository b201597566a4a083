import type { Verifier } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expectThat, type Law, type Runs } from './law.ts'

/** A verifier with a token that it takes at `now`. */
export interface VerifierUnderTest {
  readonly verify: Verifier
  readonly goodToken: string
  readonly now: number
}

/**
 * What every verifier must keep: it never takes what it wasn't given out for.
 *
 * @example
 * for (const law of verifierLaws(async () => ({ verify, goodToken, now }), { runs: 200 })) test(law.name, law.check)
 */
export const verifierLaws = (make: () => Promise<VerifierUnderTest>, { runs }: Runs): readonly Law[] => [
  {
    name: 'a good token names a principal whose time has not passed',
    check: async () => {
      const { verify, goodToken, now } = await make()
      const principal = await verify(bearer(goodToken), now)
      expectThat(principal.issuer !== '' && principal.subject !== '', 'a principal without issuer or subject')
      expectThat(principal.expiresAt > now, 'a principal whose time has passed')
      expectThat(
        (await isTaken(verify, goodToken, principal.expiresAt + 3_600_000)) === false,
        'an expired token was taken',
      )
    },
  },
  {
    name: 'no other text is a token',
    check: async () => {
      const { verify, goodToken, now } = await make()
      const texts = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.nat(goodToken.length - 1).map(at => goodToken.slice(0, at)),
        fc.string({ minLength: 1, maxLength: 4 }).map(tail => goodToken + tail),
        fc.constantFrom('null', 'undefined', '..', 'e30.e30.', `${goodToken}\u{0}`),
      )
      const property = fc.asyncProperty(texts, async text => {
        fc.pre(text !== goodToken)
        expectThat(!(await isTaken(verify, text, now)), 'a text that was never given out was taken for a token')
      })
      await fc.assert(property, { numRuns: runs })
    },
  },
]

const bearer = (token: string) => ({ kind: 'bearer' as const, token, remoteAddress: '127.0.0.1' })

const isTaken = (verify: Verifier, token: string, now: number): Promise<boolean> =>
  verify(bearer(token), now).then(
    () => true,
    () => false,
  )
