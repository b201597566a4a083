import { createHash } from 'node:crypto'
import { RecordingError } from '../errors.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import { requestSigner, type StoreCredentials } from './sign-request.ts'
import { parseXml, textOf } from './xml.ts'

/** As much of `fetch` as is needed. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string
    readonly headers: Headers
    readonly body: Uint8Array | null
    readonly signal: AbortSignal
    readonly redirect: 'error'
  },
) => Promise<{
  readonly status: number
  readonly headers: { readonly get: (name: string) => string | null }
  readonly arrayBuffer: () => Promise<ArrayBuffer>
}>

export interface S3Options {
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** What all keys begin with, without slashes around it; may be empty. */
  readonly prefix: string
  /** `path`: `https://endpoint/bucket/key`, as most stores but AWS want it; `host`: `https://bucket.endpoint/key`. */
  readonly addressing: 'path' | 'host'
  /** Asked before each request, so that temporary ones can be renewed. */
  readonly credentials: () => Promise<StoreCredentials>
  readonly fetch: Fetch
  /** A signal that aborts after so many milliseconds: `AbortSignal.timeout`. */
  readonly deadline: (ms: number) => AbortSignal
  readonly sleep: Sleep
  /** From 0 up to 1; spreads tries that follow one another: `Math.random`. */
  readonly random: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'HEAD' | 'DELETE'
  /** With the prefix; empty where it is about the bucket. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** What is done, for errors: `reading`. */
  readonly doing: string
}

export interface S3Answer {
  readonly status: number
  readonly headers: { readonly get: (name: string) => string | null }
  readonly body: Uint8Array
  /** The code of an error; null where it is none, or names none. */
  readonly code: string | null
}

/** Sends a request, again where that can help. Resolves with whatever the store says in the end, below 500. */
export type SendS3 = (request: S3Request) => Promise<S3Answer>

/** A part of 8 MiB in this time is 1 Mbit/s. */
export const REQUEST_MS_MAX = 60_000
export const TRIES_MAX = 5
const BACKOFF_MS = 200
const BACKOFF_MS_MAX = 5_000

export function s3Sender(options: S3Options): SendS3 {
  const sign = requestSigner(options)
  const base = baseUrl(options)
  return async request => {
    const url = urlOf(base, request)
    const body = request.body ?? null
    const hash = createHash('sha256').update(body ?? '')
    const payloadHash = hash.digest('hex')
    let failure = ''
    for (let tried = 0; tried < TRIES_MAX; tried++) {
      if (tried > 0) await options.sleep(options.random() * Math.min(BACKOFF_MS * 2 ** tried, BACKOFF_MS_MAX))
      // Signed anew each time: a signature is good for minutes.
      const headers = await sign({ method: request.method, url, headers: request.headers ?? {}, payloadHash })
      const answer = await ask(options, { url, method: request.method, headers, body })
      if (typeof answer !== 'string' && answer.status < 500 && answer.status !== 429 && !isFailure(answer))
        return answer
      failure =
        typeof answer === 'string' ? answer : `status ${answer.status}${answer.code === null ? '' : ` ${answer.code}`}`
    }
    throw new RecordingError(
      'STORE_UNREACHABLE',
      `${request.doing} ${nameOf(options, request.key)} failed ${TRIES_MAX} times (${failure}): check that ${base.origin} can be reached`,
    )
  }
}

/** CompleteMultipartUpload may say 200 before it knows, and then that it failed (Amazon S3 API reference). */
const isFailure = ({ status, code }: S3Answer): boolean => status === 200 && code !== null

/** One try. Gives in a word or two why there was no answer; errors of fetch could hold anything. */
async function ask(
  { fetch, deadline }: S3Options,
  request: {
    readonly url: string
    readonly method: string
    readonly headers: Headers
    readonly body: Uint8Array | null
  },
): Promise<S3Answer | string> {
  const signal = deadline(REQUEST_MS_MAX)
  try {
    const { url, method, headers, body } = request
    const answer = await fetch(url, { method, headers, body, signal, redirect: 'error' })
    const bytes = new Uint8Array(await answer.arrayBuffer())
    return { status: answer.status, headers: answer.headers, body: bytes, code: codeIn(answer, bytes) }
  } catch (error) {
    if (signal.aborted) return `no answer in ${REQUEST_MS_MAX / 1_000} s`
    const cause = error instanceof Error ? error.cause : undefined
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'the connection failed'
  }
}

/** Whatever a store says of an error, only its code is repeated, and only where it looks like one. */
function codeIn(
  answer: { readonly status: number; readonly headers: { readonly get: (name: string) => string | null } },
  body: Uint8Array,
): string | null {
  const isXml = answer.headers.get('content-type')?.includes('xml') === true
  if (!isXml || body.length > ERROR_BYTES_MAX) return null
  try {
    const root = parseXml(new TextDecoder().decode(body))
    const code = root.name === 'Error' ? textOf(root, 'Code') : null
    return code !== null && /^[A-Za-z0-9.]{1,64}$/.test(code) ? code : root.name === 'Error' ? 'an error' : null
  } catch {
    return null
  }
}

const ERROR_BYTES_MAX = 65_536

/** What to tell a person when the store said no. */
export function refused(options: Pick<S3Options, 'bucket'>, request: S3Request, answer: S3Answer): RecordingError {
  const { status, code } = answer
  return new RecordingError(
    'STORE_REFUSED',
    `${request.doing} ${nameOf(options, request.key)} was refused (${status}${code === null ? '' : ` ${code}`})${HINTS[code ?? ''] ?? ''}`,
  )
}

const HINTS: Readonly<Record<string, string>> = {
  AccessDenied: ': give the account the right to do that, see docs/operating.md',
  InvalidAccessKeyId: ': check the access key id',
  SignatureDoesNotMatch: ': check the secret access key, and that nothing between here and there changes requests',
  AuthorizationHeaderMalformed: ': check the region',
  RequestTimeTooSkewed: ": set this host's clock",
  NoSuchBucket: ': make the bucket, or name another',
  PermanentRedirect: ': the bucket is in another region, or behind another endpoint',
  InvalidRequest: ': check that the bucket has Object Lock enabled, where a lock is configured',
  ExpiredToken: ': renew the session token',
  InvalidToken: ': renew the session token',
}

const nameOf = ({ bucket }: Pick<S3Options, 'bucket'>, key: string): string => `s3://${bucket}/${key}`

/** All but A-Z a-z 0-9 - . _ ~, as signatures have it (RFC 3986, 2.3). */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

function baseUrl({ endpoint, bucket, addressing }: S3Options): URL {
  const url = new URL(endpoint)
  if (addressing === 'host') url.hostname = `${bucket}.${url.hostname}`
  url.pathname = addressing === 'host' ? '/' : `/${encoded(bucket)}`
  return url
}

function urlOf(base: URL, { key, query = {} }: S3Request): string {
  const path = key === '' ? '' : `/${key.split('/').map(encoded).join('/')}`
  const pairs = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
  return `${base.origin}${base.pathname.replace(/\/$/, '')}${path || '/'}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
}
