import { dirname, resolve } from 'node:path'
import { ALGORITHMS } from '@querywarden/identity'
import { issuesOf, knownKeys, PolicyError, type SecretRef } from '@querywarden/policy-core'
import { formatIssues, readYaml } from '@querywarden/policy-core/yaml'
import * as z from 'zod'
import type { Address, Config, IdentityConfig, TargetConfig } from './config.ts'
import { ConfigError } from './config-error.ts'
import { readTargetUrl } from './target-url.ts'

const strict = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, knownKeys(shape))

const Text = z.string().min(1).max(1_024)
const Seconds = z
  .int()
  .min(1)
  .max(7 * 24 * 3_600)

const Secret = z
  .union([strict({ env: Text }), strict({ file: Text })], {
    error: 'expected { env: NAME } or { file: PATH }: secrets are named here, never written',
  })
  .transform((ref): SecretRef => ('env' in ref ? { kind: 'env', name: ref.env } : { kind: 'file', path: ref.file }))

const ListenAddress = z.string().transform((text, context): Address => {
  const [, host, port] = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):([0-9]{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) {
    context.addIssue('expected host:port, such as 127.0.0.1:6432')
    return z.NEVER
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
})

const Listen = strict({
  postgres: strict({ address: ListenAddress, tls: strict({ cert: Text, key: Text }).optional() }),
  admin: strict({ address: ListenAddress }),
})

/** Asymmetric ones only: with a shared secret the gateway could mint tokens itself (RFC 8725, 3.1). */
const Algorithm = z.enum(ALGORITHMS)

const Oidc = strict({
  kind: z.literal('oidc'),
  issuer: z.url({ error: "expected the issuer's URL, exactly as its tokens have it" }),
  audience: Text,
  algorithms: z.array(Algorithm).min(1).default(['RS256', 'ES256']),
  token: z.enum(['access', 'id']).default('access'),
  claims: strict({ groups: Text }).default({ groups: 'groups' }),
  authorized_parties: z.array(Text).min(1).optional(),
  lifetime_max_seconds: Seconds.default(3_600),
}).transform(
  (given): IdentityConfig => ({
    kind: 'oidc',
    issuer: given.issuer,
    audience: given.audience,
    algorithms: given.algorithms,
    tokenType: given.token,
    groupsClaim: given.claims.groups,
    authorizedParties: given.authorized_parties ?? null,
    lifetimeMaxMs: given.lifetime_max_seconds * 1_000,
  }),
)

const StaticTokens = strict({
  kind: z.literal('static'),
  tokens: z.array(strict({ token: Secret, subject: Text, groups: z.array(Text).default([]) })).min(1),
})

const Target = strict({
  dialect: z.literal('postgres', { error: 'expected postgres: other dialects are not served yet' }),
  url: z.string().min(1),
  password: Secret.optional(),
  search_path: z.array(Text).min(1).max(32).default(['public']),
})

const Limits = strict({
  sessions: z.int().min(1).max(100_000).default(500),
  login_seconds: Seconds.default(10),
  message_bytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
  approvals_pending: z.int().min(1).max(10_000).default(200),
  catalog_age_seconds: Seconds.default(60),
})

const Document = strict({
  listen: Listen,
  identity: z
    .array(z.discriminatedUnion('kind', [Oidc, StaticTokens], { error: 'expected kind: oidc or kind: static' }))
    .min(1),
  targets: z.record(
    z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,63}$/, { error: 'expected a name of letters, digits, dots, dashes and underscores' }),
    Target,
  ),
  policy: Text,
  masking: strict({ hash_key: Secret }).optional(),
  recording: strict({
    dir: Text,
    key: Secret.optional(),
    durability: z.enum(['standard', 'strict']).default('standard'),
    bytes_per_session: z.int().min(65_536).default(1_073_741_824),
  }),
  state: z.literal('memory', { error: 'expected memory: other stores are not there yet' }).default('memory'),
  limits: Limits.prefault({}),
})

/**
 * Reads `querywarden.yaml`. Relative files are relative to it.
 * @throws {ConfigError} `INVALID`, with one line per issue: file, line, column, key and what was expected.
 */
export function parseConfig(text: string, file: string): Config {
  return readYaml(text, {
    file,
    parse: input => toConfig(input, file),
    fail: issues => new ConfigError('INVALID', formatIssues(issues)),
  })
}

function toConfig(input: unknown, file: string): Config {
  const parsed = Document.safeParse(input)
  if (!parsed.success) throw new PolicyError(issuesOf(parsed.error.issues, input))
  const given = parsed.data
  const at = (path: string): string => resolve(dirname(file), path)
  const secret = (ref: SecretRef): SecretRef => (ref.kind === 'file' ? { kind: 'file', path: at(ref.path) } : ref)
  const { tls } = given.listen.postgres
  return {
    file,
    listen: {
      postgres: {
        ...given.listen.postgres.address,
        tls: tls === undefined ? null : { cert: at(tls.cert), key: at(tls.key) },
      },
      admin: given.listen.admin.address,
    },
    identity: given.identity.map(one =>
      one.kind === 'static'
        ? { ...one, tokens: one.tokens.map(token => ({ ...token, token: secret(token.token) })) }
        : one,
    ),
    targets: Object.entries(given.targets).map(([name, target]) => toTarget(name, target, secret, at)),
    policyFile: at(given.policy),
    masking: { hashKey: given.masking === undefined ? null : secret(given.masking.hash_key) },
    recording: {
      dir: at(given.recording.dir),
      key: given.recording.key === undefined ? null : secret(given.recording.key),
      durability: given.recording.durability,
      bytesPerSessionMax: given.recording.bytes_per_session,
    },
    limits: {
      sessionsMax: given.limits.sessions,
      loginMsMax: given.limits.login_seconds * 1_000,
      frameBytesMax: given.limits.message_bytes,
      approvalsPendingMax: given.limits.approvals_pending,
      catalogMaxAgeMs: given.limits.catalog_age_seconds * 1_000,
    },
  }
}

function toTarget(
  name: string,
  given: z.infer<typeof Target>,
  secret: (ref: SecretRef) => SecretRef,
  at: (path: string) => string,
): TargetConfig {
  const url = readTargetUrl(given.url)
  if (url.kind === 'invalid') {
    throw new PolicyError([{ path: ['targets', name, 'url'], message: url.message, at: 'value', location: null }])
  }
  return {
    name,
    dialect: given.dialect,
    address: url.address,
    user: url.user,
    database: url.database,
    password: given.password === undefined ? null : secret(given.password),
    tls: url.tls.mode === 'verify-full' && url.tls.ca !== null ? { mode: 'verify-full', ca: at(url.tls.ca) } : url.tls,
    searchPath: given.search_path,
  }
}
