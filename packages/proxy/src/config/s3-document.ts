import { knownKeys, readDurationMs, type SecretRef } from '@querywarden/policy-core'
import * as z from 'zod'
import { isThisHost } from '../loopback.ts'

/** A bucket of an S3-compatible object store, and the account for it. */
export interface S3Config {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Without slashes around it; may be empty. */
  readonly prefix: string
  readonly addressing: 'path' | 'host'
  readonly accessKeyId: SecretRef
  readonly secretAccessKey: SecretRef
  readonly sessionToken: SecretRef | null
}

/** For how long objects can't be taken away, and by whom they can all the same. */
export interface LockConfig {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE'
  readonly ms: number
}

/** Where recordings go when they have ended. */
export interface UploadConfig {
  readonly s3: S3Config
  readonly lock: LockConfig | null
  readonly keepLocal: boolean
}

/** When recordings are removed here, and the keys of their values destroyed. */
export interface RetentionConfig {
  readonly recordingsMs: number | null
  readonly valuesMs: number | null
}

const strict = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, knownKeys(shape))

const Text = z.string().min(1).max(1_024)

/** Where a secret is. The file of configuration has the same for all of its secrets. */
export const Secret: z.ZodType<SecretRef> = z
  .union([strict({ env: Text }), strict({ file: Text })], {
    error: 'expected { env: NAME } or { file: PATH }: secrets are named here, never written',
  })
  .transform((ref): SecretRef => ('env' in ref ? { kind: 'env', name: ref.env } : { kind: 'file', path: ref.file }))

const HOURS_MS = 3_600_000
const YEARS_100_MS = 100 * 365 * 24 * HOURS_MS

/** A length of time from an hour on. */
const Age = z.string().transform((text, context): number => {
  const ms = readDurationMs(text)
  if (ms !== null && ms >= HOURS_MS && ms <= YEARS_100_MS) return ms
  context.addIssue('expected a length of time such as 90d, from 1h on')
  return z.NEVER
})

/** Amazon S3 user guide, "Bucket naming rules"; other stores take no more. */
const Bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
  error: 'expected the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes',
})

const Prefix = z.string().regex(/^(?:[A-Za-z0-9._=-]{1,128}(?:\/[A-Za-z0-9._=-]{1,128}){0,7})?$/, {
  error:
    'expected names of letters, digits, dots, dashes, underscores and equals signs, with slashes between them alone',
})

const Endpoint = z.string().transform((text, context): string => {
  const why = whyNoEndpoint(text)
  if (why === null) return text.replace(/\/$/, '')
  context.addIssue(why)
  return z.NEVER
})

function whyNoEndpoint(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain =
    url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === ''
  if (url === null || !isPlain || url.pathname !== '/' || url.hash !== '') {
    return 'expected a URL of scheme, host and port alone, such as https://s3.eu-central-1.amazonaws.com'
  }
  return url.protocol === 'https:' || isThisHost(url.hostname)
    ? null
    : 'expected https, but for a store on this host: what is uploaded would cross the network in the clear'
}

/** A bucket as it is written. */
export const S3: z.ZodType<S3Config> = strict({
  bucket: Bucket,
  region: z.string().regex(/^[a-z0-9-]{1,32}$/, { error: 'expected a region such as eu-central-1' }),
  endpoint: Endpoint.optional(),
  prefix: Prefix.default(''),
  addressing: z.enum(['path', 'host']).optional(),
  access_key_id: Secret,
  secret_access_key: Secret,
  session_token: Secret.optional(),
}).transform(given => ({
  // Stores but AWS have seldom a name for each bucket.
  endpoint: given.endpoint ?? `https://s3.${given.region}.amazonaws.com`,
  addressing: given.addressing ?? (given.endpoint === undefined ? 'host' : 'path'),
  region: given.region,
  bucket: given.bucket,
  prefix: given.prefix,
  accessKeyId: given.access_key_id,
  secretAccessKey: given.secret_access_key,
  sessionToken: given.session_token ?? null,
}))

/** How long what is put there can't be taken away. */
export const Lock: z.ZodType<LockConfig> = strict({ mode: z.enum(['compliance', 'governance']), for: Age }).transform(
  given => ({ mode: given.mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE', ms: given.for }),
)

export const Upload: z.ZodType<UploadConfig> = strict({
  s3: S3,
  lock: Lock.optional(),
  keep_local: z.boolean().default(true),
}).transform(given => ({ s3: given.s3, lock: given.lock ?? null, keepLocal: given.keep_local }))

export const Retention: z.ZodType<RetentionConfig> = strict({ recordings: Age.optional(), values: Age.optional() })
  .refine(
    ({ recordings, values }) => recordings === undefined || values === undefined || values <= recordings,
    'values of a recording go with it at the latest: expected values no longer than recordings',
  )
  .refine(({ recordings, values }) => recordings !== undefined || values !== undefined, 'expected recordings or values')
  .transform(given => ({ recordingsMs: given.recordings ?? null, valuesMs: given.values ?? null }))

/** Files of secrets are relative to where they are named. */
export const s3Within = (s3: S3Config, secret: (ref: SecretRef) => SecretRef): S3Config => ({
  ...s3,
  accessKeyId: secret(s3.accessKeyId),
  secretAccessKey: secret(s3.secretAccessKey),
  sessionToken: s3.sessionToken === null ? null : secret(s3.sessionToken),
})
