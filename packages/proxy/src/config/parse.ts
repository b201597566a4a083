import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import { issuesOf, PolicyError, type SecretRef } from '@querywarden/policy-core'
import { formatIssues, readYaml } from '@querywarden/policy-core/yaml'
import { WORKERS_MAX } from '../postgres/cancel-keys.ts'
import type {
  AnchorConfig,
  CheckpointsConfig,
  ClientCertificates,
  Config,
  LoginMethod,
  ProxyLimits,
  TargetConfig,
} from './config.ts'
import { ConfigError } from './config-error.ts'
import { ConfigDocument, type GivenConfig, type GivenTarget, type GivenTls } from './document.ts'
import { freeze } from './freeze.ts'
import { s3Within, type UploadConfig } from './s3-document.ts'
import { streamsWithin } from './stream.ts'
import { readTargetUrl } from './target-url.ts'

/**
 * Reads `querywarden.yaml`. Relative files are relative to it.
 * @throws {ConfigError} `INVALID`, with one line per issue: file, line, column, key and what was expected.
 */
export function parseConfig(text: string, file: string): Config {
  return readYaml(text, {
    file,
    parse: input => freeze(toConfig(input, file)),
    fail: issues => new ConfigError('INVALID', formatIssues(issues)),
  })
}

function toConfig(input: unknown, file: string): Config {
  const parsed = ConfigDocument.safeParse(input)
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
        tls:
          tls === undefined
            ? null
            : { cert: at(tls.cert), key: at(tls.key), clientCertificates: clientCertificatesOf(tls, at) },
      },
      admin: given.listen.admin.address,
      metrics: given.listen.metrics?.address ?? null,
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
      checkpoints: checkpointsOf(given.recording, { secret, at }),
      upload: uploadWithin(given.recording.upload, secret),
      retention: given.recording.retention ?? null,
      stream: streamsWithin(given.recording.stream, { secret, at }),
    },
    limits: toLimits(given.limits),
    log: given.log,
    workers: given.workers === 'auto' ? Math.min(availableParallelism(), WORKERS_MAX) : given.workers,
  }
}

/** How long an anchor may be behind where the configuration doesn't say (threats F13). */
const GRACE_SECONDS = { standard: 15 * 60, strict: 60 } as const

function checkpointsOf(
  { checkpoints, durability }: GivenConfig['recording'],
  { secret, at }: { readonly secret: (ref: SecretRef) => SecretRef; readonly at: (path: string) => string },
): CheckpointsConfig | null {
  if (checkpoints === undefined) return null
  const { name = null, signer, every_seconds, grace_seconds = GRACE_SECONDS[durability], anchors } = checkpoints
  return {
    name,
    signer:
      'key' in signer
        ? { kind: 'key', key: secret(signer.key) }
        : {
            kind: 'command',
            command: signer.command,
            verifierKey: signer.public_key,
            timeMsMax: signer.seconds * 1_000,
          },
    everyMs: every_seconds * 1_000,
    graceMs: grace_seconds * 1_000,
    anchors: anchors.map((anchor): AnchorConfig => {
      if ('folder' in anchor) return { kind: 'folder', dir: at(anchor.folder) }
      if ('witness' in anchor) return { kind: 'witness', url: anchor.witness, verifierKey: anchor.public_key }
      return { kind: 's3', s3: s3Within(anchor.s3, secret), lock: anchor.lock ?? null }
    }),
  }
}

const uploadWithin = (upload: UploadConfig | undefined, secret: (ref: SecretRef) => SecretRef): UploadConfig | null =>
  upload === undefined ? null : { ...upload, s3: s3Within(upload.s3, secret) }

/** What one identity may have of the sessions where the configuration doesn't say: a few, or a part of many. */
const IDENTITY_SESSIONS_MIN = 10
const IDENTITY_PARTS = 4

const MIB = 1_048_576

const toLimits = (given: GivenConfig['limits']): ProxyLimits => ({
  sessionsMax: given.sessions,
  sessionsPerIdentityMax:
    given.sessions_per_identity ?? Math.max(IDENTITY_SESSIONS_MIN, Math.ceil(given.sessions / IDENTITY_PARTS)),
  loginMsMax: given.login_seconds * 1_000,
  failedLoginsPerMinuteMax: given.failed_logins_per_minute,
  failedCancelsPerMinuteMax: given.failed_cancels_per_minute,
  idleMsMax: given.idle_seconds * 1_000,
  sessionMsMax: given.session_seconds * 1_000,
  drainMsMax: given.drain_seconds * 1_000,
  frameBytesMax: given.message_bytes,
  approvalsPendingMax: given.approvals_pending,
  catalogMaxAgeMs: given.catalog_age_seconds * 1_000,
  catalogProbeMs: given.catalog_probe_ms,
  lagMsMax: given.lag_ms,
  readMsMax: given.read_ms,
  readingThreadsMax: given.reading_threads,
  memoryBytesMax: given.memory_mb === undefined ? null : given.memory_mb * MIB,
})

/** Whoever names an authority wants its certificates. */
function clientCertificatesOf(given: GivenTls, at: (path: string) => string): ClientCertificates {
  if (given.client_ca === undefined || given.client_certificates === 'off') return { kind: 'off' }
  return { kind: given.client_certificates ?? 'required', ca: at(given.client_ca) }
}

function toTarget(
  name: string,
  given: GivenTarget,
  secret: (ref: SecretRef) => SecretRef,
  at: (path: string) => string,
): TargetConfig {
  const url = readTargetUrl(given.url)
  if (url.kind === 'invalid') {
    throw new PolicyError([{ path: ['targets', name, 'url'], message: url.message, at: 'value', location: null }])
  }
  const loginMethods: readonly LoginMethod[] =
    given.channel_binding === 'require' ? ['scram-sha-256-plus'] : given.require_auth
  if (url.tls.mode === 'off' && !loginMethods.includes('scram-sha-256')) {
    const message = 'asks for channel binding, which needs TLS: give the url sslmode=verify-full'
    throw new PolicyError([{ path: ['targets', name], message, at: 'value', location: null }])
  }
  return {
    name,
    dialect: given.dialect,
    address: url.address,
    user: url.user,
    database: url.database,
    password: given.password === undefined ? null : secret(given.password),
    tls: url.tls.mode === 'verify-full' && url.tls.ca !== null ? { mode: 'verify-full', ca: at(url.tls.ca) } : url.tls,
    loginMethods,
    searchPath: given.search_path,
    canaries: given.canaries.map(({ name, value }) => ({ name, value: secret(value) })),
  }
}
