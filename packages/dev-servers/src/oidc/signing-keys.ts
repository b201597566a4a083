import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'
import { ServerError } from '../server-error.ts'

/** The algorithms that the provider has a key for. */
export const SIGNING_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** The provider's private keys, one for each algorithm, with fresh key ids. */
export interface SigningKeys {
  readonly jwks: { readonly keys: readonly JWK[] }
  sign(claims: SignedContent, header: SigningHeader): Promise<string>
}

/** The claims of a token signed by hand, or its payload as text, for what no claims object can be. */
export type SignedContent = Readonly<Record<string, unknown>> | string

/** The header of a token signed by hand. The `kid` is the key's own unless another is given; null leaves it out. */
export interface SigningHeader {
  readonly alg: SigningAlgorithm
  readonly kid?: string | null
  readonly typ?: string
  readonly [name: string]: unknown
}

export async function makeSigningKeys(generation: number): Promise<SigningKeys> {
  const pairs = await Promise.all(
    SIGNING_ALGORITHMS.map(async alg => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
      const kid = `${alg.toLowerCase()}-${generation}`
      return { alg, kid, privateKey, jwk: { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' } }
    }),
  )
  return {
    jwks: { keys: pairs.map(({ jwk }) => jwk) },
    sign: (claims, { kid, ...header }) => {
      const pair = pairs.find(({ alg }) => alg === header.alg)
      if (!pair) throw new ServerError('INVALID_OPTION', `no signing key for \`${header.alg}\``)
      return new CompactSign(Buffer.from(typeof claims === 'string' ? claims : JSON.stringify(claims)))
        .setProtectedHeader({ ...header, ...(kid === null ? {} : { kid: kid ?? pair.kid }) })
        .sign(pair.privateKey)
    },
  }
}
