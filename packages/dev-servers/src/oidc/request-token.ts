import { ServerError } from '../server-error.ts'
import { type ProviderSettings, resourceOf, SCOPE, TERMS_HEADER } from './provider-configuration.ts'
import { signInAs } from './sign-in.ts'

export interface Asked {
  readonly issuer: string
  readonly settings: ProviderSettings
  readonly clientId: string
  /** The person to sign in, or undefined for a token of the client's own. */
  readonly subject: string | undefined
  readonly audience: string
  /** Names the terms of this request. */
  readonly termsId: string
}

export interface Given {
  readonly accessToken: string
  /** Null for a client's own. */
  readonly idToken: string | null
}

/** Asks the token endpoint, by client credentials or with the code of a sign-in. */
export async function requestToken(asked: Asked): Promise<Given> {
  const { issuer, clientId, termsId } = asked
  const { clientSecret } = asked.settings
  // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, [TERMS_HEADER]: termsId },
    body: await grantOf(asked),
  })
  const reply: unknown = await response.json()
  if (!response.ok || typeof reply !== 'object' || reply === null) {
    throw new ServerError('NO_TOKEN', `the provider refused: ${JSON.stringify(reply)}`)
  }
  const accessToken: unknown = Reflect.get(reply, 'access_token')
  const idToken: unknown = Reflect.get(reply, 'id_token')
  if (typeof accessToken !== 'string') throw new ServerError('NO_TOKEN', 'the provider answered without a token')
  return { accessToken, idToken: typeof idToken === 'string' ? idToken : null }
}

async function grantOf(asked: Asked): Promise<URLSearchParams> {
  const { subject, audience } = asked
  const resource = resourceOf(audience)
  if (subject === undefined) return new URLSearchParams({ resource, grant_type: 'client_credentials', scope: SCOPE })
  const { redirectUri } = asked.settings
  const { code, verifier } = await signInAs({ ...asked, subject, redirectUri })
  return new URLSearchParams({
    resource,
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  })
}
