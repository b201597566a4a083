import * as z from 'zod'
import { isThisHost } from '../loopback.ts'
import { CommandError, EXIT } from './exit.ts'
import { show, type Terminal } from './terminal.ts'

const Discovery = z.object({ token_endpoint: z.url() })
const Granted = z.object({ access_token: z.string(), expires_in: z.number().optional() })

export interface TokenRequest {
  readonly issuer: string
  readonly client: string
  readonly secretEnv: string
  readonly audience: string
}

/**
 * Fetches an access token from a development issuer on this host by the client credentials grant (RFC 6749, 4.4). Real
 * issuers have their own tools; this one refuses them, so that it never becomes a habit to type their secrets here.
 */
export async function token(terminal: Terminal, request: TokenRequest): Promise<number> {
  if (!isLocalUrl(request.issuer)) {
    throw new CommandError(
      EXIT.misuse,
      "--issuer must be a development issuer on this host; get tokens of a real one with that issuer's own tool",
    )
  }
  const secret = process.env[request.secretEnv]
  if (secret === undefined)
    throw new CommandError(
      EXIT.misuse,
      `set ${request.secretEnv} to the client's secret, or name another variable with --secret-env`,
    )
  const discovery = await getJson(new URL('.well-known/openid-configuration', withSlash(request.issuer)), Discovery)
  if (!isLocalUrl(discovery.token_endpoint))
    throw new CommandError(EXIT.misuse, "the issuer's token endpoint is not on this host; the secret was not sent")
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    resource: resourceOf(request.audience),
    scope: 'querywarden',
  })
  const basic = Buffer.from(`${encodeURIComponent(request.client)}:${encodeURIComponent(secret)}`).toString('base64')
  const granted = await getJson(new URL(discovery.token_endpoint), Granted, {
    method: 'POST',
    body,
    headers: { authorization: `Basic ${basic}` },
  })
  show(terminal, granted, ({ access_token }) => [access_token])
  return EXIT.ok
}

/** A resource is an absolute URI (RFC 8707, 2). Development issuers of this project take a plain audience as this URN. */
const resourceOf = (audience: string): string =>
  URL.canParse(audience) ? audience : `urn:querywarden:audience:${encodeURIComponent(audience)}`

function isLocalUrl(text: string): boolean {
  try {
    return isThisHost(new URL(text).hostname)
  } catch {
    return false
  }
}

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`)

async function getJson<T>(url: URL, expected: z.ZodType<T>, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000), redirect: 'error' }).catch(() => {
    throw new CommandError(EXIT.misuse, `the issuer does not answer at ${url.origin}`)
  })
  if (!response.ok)
    throw new CommandError(
      EXIT.finding,
      `the issuer answered with status ${response.status}; are --client and its secret right?`,
    )
  const parsed = expected.safeParse(await response.json().catch(() => null))
  if (parsed.success) return parsed.data
  throw new CommandError(EXIT.misuse, `what answers at ${url.href} is no OpenID provider`)
}
