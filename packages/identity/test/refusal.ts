import type { Verifier } from '@querywarden/policy-core'
import { IdentityError, type IdentityErrorCode } from '../src/identity-error.ts'

/** The code that a token is refused with, or `taken`. Anything thrown but an IdentityError is a failure of the test. */
export async function refusalOf(
  verify: Verifier,
  token: string,
  now: number = Date.now(),
  remoteAddress = '192.0.2.1',
): Promise<IdentityErrorCode | 'taken'> {
  try {
    await verify({ kind: 'bearer', token, remoteAddress }, now)
    return 'taken'
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error
    if (token.length > 20 && error.message.includes(token.slice(0, 20))) throw new Error('the message holds the token')
    return error.code
  }
}
