import type { Context, Token } from 'oidc-provider'
import type { SigningAlgorithm, SigningKeys } from './signing-keys.ts'

/** A program that may ask for tokens. */
export interface OidcClient {
  readonly groups?: readonly string[]
}

/** What one token request asks for beyond the configuration. */
export interface TokenTerms {
  readonly ttlSeconds?: number | undefined
  readonly groups?: readonly string[] | undefined
  /** More claims, `act` for instance. Those of the protocol itself can't be replaced. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

export interface ProviderSettings {
  readonly clients: Readonly<Record<string, OidcClient>>
  readonly clientSecret: string
  readonly groupsBySubject: Readonly<Record<string, readonly string[]>>
  readonly accessTokenTtlSeconds: number
  readonly accessTokenAlg: SigningAlgorithm
  readonly idTokenAlg: SigningAlgorithm
  readonly redirectUri: string
  /** The terms of a request, by the id that came in its {@link TERMS_HEADER}. */
  readonly termsOf: (id: string) => TokenTerms
}

/** Carries an id to the terms that `token()` keeps in memory; nobody else can know one. */
export const TERMS_HEADER = 'x-token-terms'

/** The scope of every access token. */
export const SCOPE = 'database'

const RESOURCE_PREFIX = 'urn:querywarden:audience:'

/** Resource indicators are URIs (RFC 8707), audiences needn't be. */
export const resourceOf = (audience: string): string => `${RESOURCE_PREFIX}${encodeURIComponent(audience)}`
const audienceOf = (resource: string): string =>
  resource.startsWith(RESOURCE_PREFIX) ? decodeURIComponent(resource.slice(RESOURCE_PREFIX.length)) : resource

export function providerConfiguration(settings: ProviderSettings, keys: SigningKeys): Record<string, unknown> {
  const terms = (context: Context): TokenTerms => settings.termsOf(context.get(TERMS_HEADER))
  const groupsOf = ({ accountId, clientId }: Token): readonly string[] =>
    (accountId === undefined ? settings.clients[clientId]?.groups : settings.groupsBySubject[accountId]) ?? []
  const ttl = (context: Context): number => terms(context).ttlSeconds ?? settings.accessTokenTtlSeconds
  return {
    jwks: keys.jwks,
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
    clientDefaults: { id_token_signed_response_alg: settings.idTokenAlg },
    clients: clientsOf(settings),
    cookies: { keys: [settings.clientSecret] },
    scopes: ['openid', SCOPE],
    claims: { openid: ['sub', 'groups'] },
    conformIdTokenClaims: false,
    interactions: { url: () => '/sign-in' },
    findAccount: (_context: Context, subject: string) => ({
      accountId: subject,
      claims: () => ({ sub: subject, groups: settings.groupsBySubject[subject] ?? [] }),
    }),
    loadExistingGrant: async (context: Context) => {
      const { provider, client, session } = context.oidc
      const { resource } = context.oidc.params
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId })
      grant.addOIDCScope(`openid ${SCOPE}`)
      if (typeof resource === 'string') grant.addResourceScope(resource, SCOPE)
      await grant.save()
      return grant
    },
    extraTokenClaims: (context: Context, token: Token) => ({
      ...terms(context).claims,
      groups: terms(context).groups ?? groupsOf(token),
    }),
    ttl: {
      AccessToken: ttl,
      ClientCredentials: ttl,
      IdToken: ttl,
      AuthorizationCode: 60,
      Interaction: 60,
      Grant: 3600,
      Session: 3600,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: resourceIndicators(settings, ttl),
    },
  }
}

const clientsOf = ({ clients, clientSecret, redirectUri }: ProviderSettings): readonly object[] =>
  Object.keys(clients).map(id => ({
    client_id: id,
    client_secret: clientSecret,
    application_type: 'native',
    grant_types: ['client_credentials', 'authorization_code'],
    response_types: ['code'],
    redirect_uris: [redirectUri],
  }))

/** Every audience there is; access tokens for it are JWTs. */
const resourceIndicators = ({ accessTokenAlg }: ProviderSettings, ttl: (context: Context) => number): object => ({
  enabled: true,
  getResourceServerInfo: (context: Context, resource: string) => ({
    scope: SCOPE,
    audience: audienceOf(resource),
    accessTokenTTL: ttl(context),
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: accessTokenAlg } },
  }),
  useGrantedResource: () => true,
})
