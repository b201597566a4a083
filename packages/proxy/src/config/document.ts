import { ALGORITHMS } from '@querywarden/identity'
import { knownKeys, type SecretRef } from '@querywarden/policy-core'
import * as z from 'zod'
import { LOG_LEVELS } from '../log-level.ts'
import { WORKERS_MAX } from '../postgres/cancel-keys.ts'
import type { Address, IdentityConfig, LoginMethod, TlsFiles } from './config.ts'
import {
  Lock,
  type LockConfig,
  Retention,
  type RetentionConfig,
  S3,
  type S3Config,
  Upload,
  type UploadConfig,
} from './s3-document.ts'
import { type GivenStream, streamDocument } from './stream.ts'

/** A target as it is written. */
export interface GivenTarget {
  readonly dialect: 'postgres'
  readonly url: string
  readonly password?: SecretRef | undefined
  readonly search_path: readonly string[]
  readonly require_auth: readonly LoginMethod[]
  readonly channel_binding: 'prefer' | 'require'
  readonly canaries: readonly { readonly name: string; readonly value: SecretRef }[]
}

/** The listener's TLS as it is written. */
export interface GivenTls extends TlsFiles {
  readonly client_ca?: string | undefined
  readonly client_certificates?: 'off' | 'optional' | 'required' | undefined
}

/** What signs checkpoints: a key that the gateway has, or a program that has it. */
export type GivenSigner =
  | { readonly key: SecretRef }
  | { readonly command: readonly string[]; readonly public_key: string; readonly seconds: number }

/** Where checkpoints are kept. */
export type GivenAnchor =
  | { readonly folder: string }
  | { readonly witness: string; readonly public_key: string }
  | { readonly s3: S3Config; readonly lock?: LockConfig | undefined }

/** How recordings are vouched for outside, as it is written. */
export interface GivenCheckpoints {
  readonly name?: string | undefined
  readonly signer: GivenSigner
  readonly every_seconds: number
  readonly grace_seconds?: number | undefined
  readonly anchors: readonly GivenAnchor[]
}

/** `querywarden.yaml` as it is written, with defaults in it. */
export interface GivenConfig {
  readonly listen: {
    readonly postgres: { readonly address: Address; readonly tls?: GivenTls | undefined }
    readonly admin: { readonly address: Address }
    readonly metrics?: { readonly address: Address } | undefined
  }
  readonly identity: readonly IdentityConfig[]
  readonly targets: Readonly<Record<string, GivenTarget>>
  readonly policy: string
  readonly masking?: { readonly hash_key: SecretRef } | undefined
  readonly recording: {
    readonly dir: string
    readonly key?: SecretRef | undefined
    readonly durability: 'standard' | 'strict'
    readonly bytes_per_session: number
    readonly checkpoints?: GivenCheckpoints | undefined
    readonly upload?: UploadConfig | undefined
    readonly retention?: RetentionConfig | undefined
    readonly stream: readonly GivenStream[]
  }
  readonly limits: {
    readonly sessions: number
    readonly sessions_per_identity?: number | undefined
    readonly login_seconds: number
    readonly failed_logins_per_minute: number
    readonly failed_cancels_per_minute: number
    readonly idle_seconds: number
    readonly session_seconds: number
    readonly drain_seconds: number
    readonly message_bytes: number
    readonly approvals_pending: number
    readonly catalog_age_seconds: number
    readonly catalog_probe_ms: number
    readonly memory_mb?: number | undefined
    readonly lag_ms: number
    readonly read_ms: number
    readonly reading_threads: number
  }
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] }
  readonly workers: number | 'auto'
}

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

const ListenTls = strict({
  cert: Text,
  key: Text,
  client_ca: Text.optional(),
  client_certificates: z.enum(['off', 'optional', 'required']).optional(),
}).refine(
  ({ client_ca, client_certificates = 'off' }) => client_ca !== undefined || client_certificates === 'off',
  'client_certificates needs client_ca: the PEM file of the authority that signs them',
)

const Listen = strict({
  postgres: strict({ address: ListenAddress, tls: ListenTls.optional() }),
  admin: strict({ address: ListenAddress }),
  metrics: strict({ address: ListenAddress }).optional(),
})

/** Asymmetric ones only: with a shared secret the gateway could mint tokens itself (RFC 8725, 3.1). */
const Algorithm = z.enum(ALGORITHMS)

const Oidc = strict({
  kind: z.literal('oidc'),
  issuer: z.url({ error: "expected the issuer's URL, exactly as its tokens have it" }),
  audience: Text,
  algorithms: z.array(Algorithm).min(1).default(['RS256', 'ES256']),
  token: z.enum(['access', 'id']).default('access'),
  claims: strict({ groups: Text.default('groups'), keep: z.array(Text).min(1).max(32).default([]) }).prefault({}),
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
    keptClaims: given.claims.keep,
    authorizedParties: given.authorized_parties ?? null,
    lifetimeMaxMs: given.lifetime_max_seconds * 1_000,
  }),
)

const StaticTokens = strict({
  kind: z.literal('static'),
  tokens: z.array(strict({ token: Secret, subject: Text, groups: z.array(Text).default([]) })).min(1),
})

const CANARY_NAME = 'expected a name of at most 63 letters, digits, dots, dashes and underscores'
const CANARIES_MAX = 64

const Target = strict({
  dialect: z.literal('postgres', { error: 'expected postgres: other dialects are not served yet' }),
  url: z.string().min(1),
  password: Secret.optional(),
  search_path: z.array(Text).min(1).max(32).default(['public']),
  require_auth: z
    .array(z.enum(['scram-sha-256', 'scram-sha-256-plus'], { error: 'expected scram-sha-256 or scram-sha-256-plus' }))
    .min(1)
    .default(['scram-sha-256', 'scram-sha-256-plus']),
  channel_binding: z.enum(['prefer', 'require']).default('prefer'),
  canaries: z
    .array(strict({ name: z.string().regex(/^[A-Za-z0-9_.-]{1,63}$/, { error: CANARY_NAME }), value: Secret }))
    .max(CANARIES_MAX)
    .default([]),
}).refine(
  ({ require_auth, channel_binding }) => channel_binding === 'prefer' || require_auth.includes('scram-sha-256-plus'),
  'channel_binding: require needs scram-sha-256-plus among require_auth',
)

const Limits = strict({
  sessions: z.int().min(1).max(100_000).default(500),
  sessions_per_identity: z.int().min(1).max(100_000).optional(),
  login_seconds: Seconds.default(10),
  failed_logins_per_minute: z.int().min(1).max(1_000_000).default(600),
  failed_cancels_per_minute: z.int().min(1).max(1_000_000).default(600),
  idle_seconds: Seconds.default(3_600),
  session_seconds: Seconds.default(86_400),
  drain_seconds: z.int().min(0).max(3_600).default(30),
  message_bytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
  approvals_pending: z.int().min(1).max(10_000).default(200),
  catalog_age_seconds: Seconds.default(60),
  catalog_probe_ms: z.int().min(10).max(60_000).default(1_000),
  memory_mb: z.int().min(128).max(16_777_216).optional(),
  lag_ms: z.int().min(20).max(60_000).default(200),
  read_ms: z.int().min(1).max(500).default(50),
  reading_threads: z.int().min(1).max(64).default(2),
})

const Workers = z
  .union([z.literal('auto'), z.int().min(1).max(WORKERS_MAX)], {
    error: `expected auto, or a number of processes up to ${WORKERS_MAX}`,
  })
  .default(1)

const KEY_NAME = 'expected a name without spaces and `+`, such as gateway-1.example.com'
const VERIFIER_KEY = 'expected a verifier key, <name>+<8 hexadecimal digits>+<base64>'
const ANCHORS_MAX = 8

const VerifierKeyText = z.string().regex(/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/, { error: VERIFIER_KEY })

const Signer = z.union(
  [
    strict({ key: Secret }),
    strict({
      command: z.array(Text).min(1).max(64),
      public_key: VerifierKeyText,
      seconds: z.int().min(1).max(30).default(10),
    }),
  ],
  { error: 'expected { key: { file: PATH } }, or { command: [PROGRAM, …], public_key: KEY }' },
)

const AnchorPlace = z.union(
  [
    strict({ folder: Text }),
    strict({ witness: z.url({ protocol: /^https?$/ }), public_key: VerifierKeyText }),
    strict({ s3: S3, lock: Lock.optional() }),
  ],
  { error: 'expected { folder: PATH }, { witness: URL, public_key: KEY }, or { s3: BUCKET, lock: TERMS }' },
)

const Checkpoints = strict({
  name: z
    .string()
    .regex(/^[^\s+]{1,255}$/, { error: KEY_NAME })
    .optional(),
  signer: Signer,
  every_seconds: z.int().min(1).max(60).default(5),
  grace_seconds: Seconds.optional(),
  anchors: z.array(AnchorPlace).max(ANCHORS_MAX).default([]),
}).refine(
  ({ name, signer }) => name !== undefined || 'command' in signer,
  'a key needs a name to sign under: give name, such as gateway-1.example.com',
)

const TARGET_NAME = 'expected a name of at most 63 letters, digits, dots, dashes and underscores'

/** What `querywarden.yaml` may hold. Readers get the `Config` that `parseConfig` makes of it. */
export const ConfigDocument: z.ZodType<GivenConfig> = strict({
  listen: Listen,
  identity: z
    .array(z.discriminatedUnion('kind', [Oidc, StaticTokens], { error: 'expected kind: oidc or kind: static' }))
    .min(1),
  targets: z
    .record(z.string().regex(/^[A-Za-z0-9_.-]{1,63}$/), Target, {
      error: ({ code }) => (code === 'invalid_key' ? TARGET_NAME : undefined),
    })
    .refine(targets => Object.keys(targets).length > 0, 'expected at least one target'),
  policy: Text,
  masking: strict({ hash_key: Secret }).optional(),
  recording: strict({
    dir: Text,
    key: Secret.optional(),
    durability: z.enum(['standard', 'strict']).default('standard'),
    bytes_per_session: z.int().min(65_536).default(1_073_741_824),
    checkpoints: Checkpoints.optional(),
    upload: Upload.optional(),
    retention: Retention.optional(),
    stream: streamDocument(Secret).default([]),
  }),
  state: z.literal('memory', { error: 'expected memory: other stores are not there yet' }).default('memory'),
  limits: Limits.prefault({}),
  log: strict({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  workers: Workers,
})
