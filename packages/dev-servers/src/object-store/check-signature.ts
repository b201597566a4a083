import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { S3Error } from './s3-error.ts'

/** A request as it came over the wire: nothing decoded, nothing put in order. */
export interface RawRequest {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly target: string
  /** Name and value in turn. */
  readonly rawHeaders: readonly string[]
  readonly body: Uint8Array
}

export interface SigningTerms {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Given, it must come with every request, signed. */
  readonly sessionToken: string | null
  readonly region: string
  readonly now: () => number
}

/** AWS allows fifteen minutes. */
const SKEW_MS_MAX = 15 * 60 * 1_000
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/

/**
 * Checks a request's signature by Signature Version 4, written from the Amazon S3 API reference, "Authenticating requests:
 * using the Authorization header". Only requests signed as a whole are taken: every header that matters, and the payload.
 *
 * @throws S3Error what AWS would answer.
 */
export function checkSignature(request: RawRequest, terms: SigningTerms): void {
  const headers = headersOf(request.rawHeaders)
  const match = AUTHORIZATION.exec(headers.get('authorization') ?? '')
  if (match === null) throw new S3Error(403, 'AccessDenied', 'no authorization of AWS4-HMAC-SHA256')
  const [, keyId = '', day = '', region = '', signed = '', signature = ''] = match
  if (keyId !== terms.accessKeyId) throw new S3Error(403, 'InvalidAccessKeyId')
  if (region !== terms.region) throw new S3Error(400, 'AuthorizationHeaderMalformed', `the region is ${terms.region}`)
  checkToken(headers, terms)
  const date = headers.get('x-amz-date') ?? ''
  checkDate(date, day, terms.now())
  const signedHeaders = signed.split(';')
  checkSignedHeaders(headers, signedHeaders)
  const payloadHash = headers.get('x-amz-content-sha256') ?? ''
  const expected = sign({ ...request, headers, signedHeaders, payloadHash, date, day }, terms)
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) throw new S3Error(403, 'SignatureDoesNotMatch')
  if (!/^[0-9a-f]{64}$/.test(payloadHash)) throw new S3Error(400, 'InvalidRequest', 'the payload must be signed')
  if (hexHash(request.body) !== payloadHash) throw new S3Error(400, 'XAmzContentSHA256Mismatch')
}

interface Signable extends RawRequest {
  readonly headers: ReadonlyMap<string, string>
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
  readonly date: string
  readonly day: string
}

/** The signature that a request should have, in hex. */
export function sign(request: Signable, { secretAccessKey, region }: SigningTerms): string {
  const cut = request.target.indexOf('?')
  const path = cut === -1 ? request.target : request.target.slice(0, cut)
  const query = cut === -1 ? '' : request.target.slice(cut + 1)
  const canonical = [
    request.method,
    reencode(path, true),
    canonicalQuery(query),
    ...request.signedHeaders.map(name => `${name}:${trimmed(request.headers.get(name) ?? '')}`),
    '',
    request.signedHeaders.join(';'),
    request.payloadHash,
  ].join('\n')
  const scope = `${request.day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', request.date, scope, hexHash(Buffer.from(canonical))].join('\n')
  const key = [request.day, region, 's3', 'aws4_request'].reduce<Uint8Array>(
    (before, part) => createHmac('sha256', before).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
  return createHmac('sha256', key).update(toSign).digest('hex')
}

/** Header names in lower case; a repeated one joined by commas. */
export function headersOf(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before},${value}`)
  }
  return headers
}

function checkToken(headers: ReadonlyMap<string, string>, { sessionToken }: SigningTerms): void {
  if (sessionToken !== null && headers.get('x-amz-security-token') !== sessionToken) {
    throw new S3Error(400, 'InvalidToken', 'the session token is missing or another')
  }
}

function checkDate(date: string, day: string, now: number): void {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  if (y === undefined || !date.startsWith(day)) throw new S3Error(403, 'AccessDenied', 'no x-amz-date of that day')
  const at = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
  if (Math.abs(now - at) > SKEW_MS_MAX) throw new S3Error(403, 'RequestTimeTooSkewed')
}

/** AWS wants `host`, `content-type` where it is there, and every `x-amz-*`; we want whatever changes what is done as well. */
function checkSignedHeaders(headers: ReadonlyMap<string, string>, signed: readonly string[]): void {
  const needed = [...headers.keys()].filter(
    name =>
      name === 'host' ||
      name === 'content-type' ||
      name === 'range' ||
      name.startsWith('if-') ||
      name.startsWith('x-amz-'),
  )
  const unsigned = needed.filter(name => !signed.includes(name))
  if (unsigned.length > 0) throw new S3Error(403, 'AccessDenied', `headers not signed: ${unsigned.join(', ')}`)
  if (signed.join() !== signed.toSorted().join()) throw new S3Error(403, 'SignatureDoesNotMatch')
}

const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter(pair => pair !== '')
    .map(pair => {
      const at = pair.indexOf('=')
      const [name, value] = at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
      return `${reencode(name, false)}=${reencode(value, false)}`
    })
    .sort()
    .join('&')

/** Percent-decodes byte by byte and encodes again as AWS does: all but A-Z a-z 0-9 - . _ ~, and slashes of a path. */
function reencode(text: string, isPath: boolean): string {
  const bytes = Buffer.from(
    text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return [...bytes]
    .map(byte => {
      const char = String.fromCharCode(byte)
      return /[A-Za-z0-9._~-]/.test(char) || (isPath && char === '/')
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

const trimmed = (value: string): string => value.trim().replace(/ +/g, ' ')
const hexHash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
