import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { ServerError } from '../server-error.ts'
import {
  type OidcClient,
  type ProviderSettings,
  providerConfiguration,
  type TokenTerms,
} from './provider-configuration.ts'
import { quietProvider } from './quiet-provider.ts'
import { type Given, requestToken } from './request-token.ts'
import {
  makeSigningKeys,
  type SignedContent,
  type SigningAlgorithm,
  type SigningHeader,
  type SigningKeys,
} from './signing-keys.ts'

export interface OidcProviderOptions {
  /** The programs that may get tokens of their own, by client id. Default: one, called `agent`, in `ai-agents`. */
  readonly clients?: Readonly<Record<string, OidcClient>>
  /** The people who can sign in, and their groups. */
  readonly groupsBySubject?: Readonly<Record<string, readonly string[]>>
  /** Default 600. */
  readonly accessTokenTtlSeconds?: number
  /** Default RS256. */
  readonly accessTokenAlg?: SigningAlgorithm
  /** Default RS256. */
  readonly idTokenAlg?: SigningAlgorithm
  /** Default: a free one. */
  readonly port?: number
}

export interface TokenRequest extends TokenTerms {
  /** Default: the first client. */
  readonly clientId?: string
  /** A person, who then signs in through the client; without one the token is the client's own. */
  readonly subject?: string
  /** Default `querywarden`. */
  readonly audience?: string
}

export interface SignedIn {
  readonly accessToken: string
  readonly idToken: string
}

/** How the endpoint for keys behaves: as it should, answering 503, or never answering. */
export type JwksMode = 'serve' | 'fail' | 'hang'

/** A running OpenID provider on loopback HTTP. */
export interface OidcServer {
  readonly issuer: string
  readonly port: number
  /** Of every client, for `client_secret_basic`. */
  readonly clientSecret: string
  /** A JWT access token (RFC 9068) from the token endpoint: by client credentials, or by signing in where there is a subject. */
  token(request?: TokenRequest): Promise<string>
  /** Both tokens of a person who signs in. */
  signIn(request: TokenRequest & { readonly subject: string }): Promise<SignedIn>
  /** Signs anything with the keys that the provider signs with now, for tokens that it would never issue. */
  sign(claims: SignedContent, header: SigningHeader): Promise<string>
  /** Forgets all keys and makes new ones with new ids. */
  rotateKeys(): Promise<void>
  setJwks(mode: JwksMode): void
  /** How often the keys were asked for. */
  readonly jwksFetches: number
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const DEFAULT_CLIENTS: Readonly<Record<string, OidcClient>> = { agent: { groups: ['ai-agents'] } }

/**
 * Starts a real OpenID provider, whose sign-in page believes everybody.
 *
 * @throws ServerError `NO_TOKEN` from `token` and `signIn`, with what the provider said.
 * @example
 * ```ts
 * const provider = await startOidcProvider({ clients: { agent: { groups: ['ai-agents'] } } })
 * const token = await provider.token({ clientId: 'agent', ttlSeconds: 60 })
 * await provider.stop()
 * ```
 */
export async function startOidcProvider(options: OidcProviderOptions = {}): Promise<OidcServer> {
  const terms = new Map<string, TokenTerms>()
  const jwks: JwksDoor = { mode: 'serve', fetches: 0 }
  let generation = 0
  let current: Issuing | null = null
  const server = createServer((request, response) => {
    if (current) void answer(current.provider, jwks, request, response)
    else response.writeHead(503).end()
  })
  const port = await listen(server, options.port ?? 0)
  const issuer = `http://${HOST}:${port}`
  const settings = settingsOf(options, issuer, id => terms.get(id) ?? {})
  const renew = async (): Promise<Issuing> => {
    const keys = await makeSigningKeys(++generation)
    return { provider: await quietProvider(issuer, providerConfiguration(settings, keys)), keys }
  }
  const first = await renew()
  current = first

  const ask = async (request: TokenRequest): Promise<Given> => {
    const { clientId = firstOf(settings.clients), subject, audience = 'querywarden' } = request
    const termsId = randomUUID()
    terms.set(termsId, request)
    try {
      return await requestToken({ issuer, settings, clientId, subject, audience, termsId })
    } finally {
      terms.delete(termsId)
    }
  }
  return {
    issuer,
    port,
    clientSecret: settings.clientSecret,
    token: async (request = {}) => (await ask(request)).accessToken,
    signIn: async request => {
      const { accessToken, idToken } = await ask(request)
      if (idToken === null) throw new ServerError('NO_TOKEN', 'the provider answered without an ID token')
      return { accessToken, idToken }
    },
    sign: (claims, header) => (current ?? first).keys.sign(claims, header),
    rotateKeys: async () => {
      current = await renew()
    },
    setJwks: mode => {
      jwks.mode = mode
    },
    get jwksFetches() {
      return jwks.fetches
    },
    stop: () => close(server),
  }
}

/** A provider can't change its keys, so new keys come with a new one at the same address. */
interface Issuing {
  readonly provider: Provider
  readonly keys: SigningKeys
}

interface JwksDoor {
  mode: JwksMode
  fetches: number
}

function settingsOf(
  options: OidcProviderOptions,
  issuer: string,
  termsOf: ProviderSettings['termsOf'],
): ProviderSettings {
  return {
    clients: options.clients ?? DEFAULT_CLIENTS,
    clientSecret: randomBytes(24).toString('base64url'),
    groupsBySubject: options.groupsBySubject ?? {},
    accessTokenTtlSeconds: options.accessTokenTtlSeconds ?? 600,
    accessTokenAlg: options.accessTokenAlg ?? 'RS256',
    idTokenAlg: options.idTokenAlg ?? 'RS256',
    redirectUri: `${issuer}/signed-in`,
    termsOf,
  }
}

async function answer(
  provider: Provider,
  jwks: JwksDoor,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url === '/jwks') {
    jwks.fetches++
    if (jwks.mode === 'hang') return
    if (jwks.mode === 'fail') return void response.writeHead(503).end()
  }
  if (!request.url?.startsWith('/sign-in')) return provider.callback()(request, response)
  try {
    const { params } = await provider.interactionDetails(request, response)
    const accountId = String(params.login_hint)
    // A native client is asked for consent at each sign-in (RFC 8252 section 8.6); the grant itself is in the configuration.
    await provider.interactionFinished(request, response, { login: { accountId }, consent: {} })
  } catch {
    // Nobody is signing in: a stray visitor, or one whose time is up.
    response.writeHead(400).end()
  }
}

function firstOf(clients: Readonly<Record<string, OidcClient>>): string {
  const [first] = Object.keys(clients)
  if (first === undefined) throw new ServerError('INVALID_OPTION', 'a provider without clients gives no tokens')
  return first
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      const address = server.address()
      if (address !== null && typeof address === 'object') resolve(address.port)
      else reject(new ServerError('START_FAILED', 'the listener has no port'))
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
