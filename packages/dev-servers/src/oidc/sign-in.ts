import { createHash, randomBytes } from 'node:crypto'
import { ServerError } from '../server-error.ts'
import { resourceOf, SCOPE } from './provider-configuration.ts'

export interface SignInRequest {
  readonly issuer: string
  readonly clientId: string
  readonly subject: string
  readonly audience: string
  readonly redirectUri: string
}

export interface AuthorizationCode {
  readonly code: string
  readonly verifier: string
}

const REDIRECTS_MAX = 10

/**
 * Goes through the authorization code flow with PKCE (RFC 7636) as a browser would: follows the redirects, keeps the
 * cookies, and meets a sign-in page that lets in whoever `login_hint` names.
 */
export async function signInAs(request: SignInRequest): Promise<AuthorizationCode> {
  const verifier = randomBytes(32).toString('base64url')
  const start = new URL('/auth', request.issuer)
  start.search = new URLSearchParams({
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    response_type: 'code',
    scope: `openid ${SCOPE}`,
    resource: resourceOf(request.audience),
    login_hint: request.subject,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  const cookies = new Map<string, string>()
  let at = start
  for (let hops = 0; hops < REDIRECTS_MAX; hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(at, { redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) keep(cookies, line)
    const location = response.headers.get('location')
    const body = await response.text()
    if (location === null) throw new ServerError('NO_TOKEN', `sign-in stopped at ${at.pathname}: ${body.slice(0, 300)}`)
    at = new URL(location, at)
    if (at.href.startsWith(request.redirectUri)) {
      const code = at.searchParams.get('code')
      if (code !== null) return { code, verifier }
      throw new ServerError('NO_TOKEN', `sign-in was refused: ${at.searchParams.get('error_description')}`)
    }
  }
  throw new ServerError('NO_TOKEN', `sign-in was redirected more than ${REDIRECTS_MAX} times`)
}

function keep(cookies: Map<string, string>, line: string): void {
  const pair = line.split(';', 1)[0] ?? ''
  const equals = pair.indexOf('=')
  cookies.set(pair.slice(0, equals), pair.slice(equals + 1))
}
