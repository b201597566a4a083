import { createHash } from 'node:crypto'
import { RecordingError } from '../errors.ts'
import type { ListedObject, Made, ObjectLock, ObjectStore, StoredPart } from './object-store.ts'
import { refused, type S3Answer, type S3Options, type S3Request, s3Sender } from './s3-request.ts'
import { escapeXml, parseXml, textOf, type XmlElement } from './xml.ts'

/**
 * An S3-compatible bucket as an object store. Every object is made with `If-None-Match: *` and a SHA-256 that the store
 * checks.
 *
 * @throws RecordingError STORE_UNREACHABLE, STORE_REFUSED, MALFORMED; their messages name bucket and key.
 * @example
 * const store = s3Store({
 *   endpoint: 'https://s3.eu-central-1.amazonaws.com',
 *   region: 'eu-central-1',
 *   bucket: 'audit',
 *   prefix: 'gateway-1',
 *   addressing: 'host',
 *   credentials: async () => ({ accessKeyId, secretAccessKey, sessionToken: null }),
 *   fetch,
 *   deadline: AbortSignal.timeout,
 *   sleep: setTimeout, // of node:timers/promises
 *   random: Math.random,
 *   now: Date.now,
 * })
 * await store.put('a/b', bytes, { mode: 'COMPLIANCE', retainUntil: Date.now() + 86_400_000 })
 */
export function s3Store(options: S3Options): ObjectStore {
  const { bucket, prefix } = options
  const send = s3Sender(options)
  const start = prefix === '' ? '' : `${prefix}/`
  /** Sends, and gives the answer where it has one of these statuses. */
  const expect = async (request: S3Request, ...statuses: readonly number[]): Promise<S3Answer> => {
    const answer = await send({ ...request, key: request.key === '' ? '' : start + request.key })
    if (statuses.includes(answer.status)) return answer
    throw refused({ bucket }, { ...request, key: start + request.key }, answer)
  }
  return {
    place: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    put: async (key, bytes, lock) => {
      const headers = { ...ONLY_NEW, ...lockHeaders(lock), 'x-amz-checksum-sha256': checksum(bytes) }
      const request: S3Request = { method: 'PUT', key, headers, body: bytes, doing: 'writing' }
      return madeBy(await expect(request, 200, 412))
    },
    head: async key => {
      const answer = await expect({ method: 'HEAD', key, doing: 'looking at' }, 200, 404)
      if (answer.status === 404) return null
      return { bytes: Number(answer.headers.get('content-length')), lock: lockIn(answer) }
    },
    get: async (key, from, to) => {
      if (to <= from) return new Uint8Array(0)
      const headers = { range: `bytes=${from}-${to - 1}` }
      const answer = await expect({ method: 'GET', key, headers, doing: 'reading' }, 206, 404)
      if (answer.status === 404) return null
      if (answer.body.length === to - from) return answer.body
      throw new RecordingError('MALFORMED', `${bucket}/${start}${key} has fewer bytes than it was listed with`)
    },
    list: under => listAll(under, start, expect),
    ...multipart(expect, start),
  }
}

type Expect = (request: S3Request, ...statuses: readonly number[]) => Promise<S3Answer>

const ONLY_NEW = { 'if-none-match': '*' }

const checksum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')

const lockHeaders = (lock: ObjectLock | null): Record<string, string> =>
  lock === null
    ? {}
    : {
        'x-amz-object-lock-mode': lock.mode,
        'x-amz-object-lock-retain-until-date': new Date(lock.retainUntil).toISOString(),
      }

function lockIn({ headers }: S3Answer): ObjectLock | null {
  const mode = headers.get('x-amz-object-lock-mode')
  const retainUntil = Date.parse(headers.get('x-amz-object-lock-retain-until-date') ?? '')
  return (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') && !Number.isNaN(retainUntil) ? { mode, retainUntil } : null
}

const madeBy = ({ status }: S3Answer): Made => (status === 412 ? 'exists' : 'made')

const rootOf = ({ body }: S3Answer): XmlElement => parseXml(new TextDecoder().decode(body))

const needed = (element: XmlElement, name: string): string => {
  const text = textOf(element, name)
  if (text !== null) return text
  throw new RecordingError('MALFORMED', `the object store answered without \`${name}\``)
}

/** Objects a page: S3 gives at most 1000. */
async function* listAll(under: string, start: string, expect: Expect): AsyncGenerator<ListedObject, void, undefined> {
  let token: string | null = null
  do {
    const query = {
      'list-type': '2',
      prefix: start + under,
      ...(token === null ? {} : { 'continuation-token': token }),
    }
    const root = rootOf(await expect({ method: 'GET', key: '', query, doing: 'listing' }, 200))
    for (const item of root.children.filter(({ name }) => name === 'Contents')) {
      const key = needed(item, 'Key')
      if (key.startsWith(start)) yield { key: key.slice(start.length), bytes: Number(needed(item, 'Size')) }
    }
    token = textOf(root, 'IsTruncated') === 'true' ? needed(root, 'NextContinuationToken') : null
  } while (token !== null)
}

const multipart = (
  expect: Expect,
  start: string,
): Pick<ObjectStore, 'uploads' | 'begin' | 'putPart' | 'parts' | 'complete' | 'abort'> => ({
  uploads: async key => {
    const query = { uploads: '', prefix: start + key }
    const root = rootOf(await expect({ method: 'GET', key: '', query, doing: 'listing uploads to' }, 200))
    return root.children
      .filter(item => item.name === 'Upload' && textOf(item, 'Key') === start + key)
      .map(item => needed(item, 'UploadId'))
  },
  begin: async (key, lock) => {
    const headers = { ...lockHeaders(lock), 'x-amz-checksum-algorithm': 'SHA256' }
    const request: S3Request = { method: 'POST', key, query: { uploads: '' }, headers, doing: 'beginning to write' }
    return needed(rootOf(await expect(request, 200)), 'UploadId')
  },
  putPart: async (key, upload, { number, bytes }) => {
    const sha256 = checksum(bytes)
    const query = { partNumber: String(number), uploadId: upload }
    const headers = { 'x-amz-checksum-sha256': sha256 }
    const answer = await expect({ method: 'PUT', key, query, headers, body: bytes, doing: 'writing a part of' }, 200)
    const etag = answer.headers.get('etag')
    if (etag === null) throw new RecordingError('MALFORMED', 'the object store took a part without giving its ETag')
    return { number, bytes: bytes.length, etag, sha256: Buffer.from(sha256, 'base64') }
  },
  parts: (key, upload) => listParts(key, upload, expect),
  complete: async (key, upload, parts) => {
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.map(partXml).join('')}</CompleteMultipartUpload>`)
    const query = { uploadId: upload }
    const request: S3Request = { method: 'POST', key, query, headers: ONLY_NEW, body, doing: 'ending the writing of' }
    const answer = await expect(request, 200, 404, 412)
    return answer.status === 404 ? null : madeBy(answer)
  },
  abort: async (key, upload) => {
    await expect({ method: 'DELETE', key, query: { uploadId: upload }, doing: 'dropping an upload to' }, 204, 404)
  },
})

const partXml = ({ number, etag, sha256 }: StoredPart): string =>
  `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag>${
    sha256 === null ? '' : `<ChecksumSHA256>${Buffer.from(sha256).toString('base64')}</ChecksumSHA256>`
  }</Part>`

async function listParts(key: string, upload: string, expect: Expect): Promise<readonly StoredPart[] | null> {
  const parts: StoredPart[] = []
  for (let marker: string | null = '0'; marker !== null; ) {
    const query = { uploadId: upload, 'part-number-marker': marker }
    const answer = await expect({ method: 'GET', key, query, doing: 'listing the parts of' }, 200, 404)
    if (answer.status === 404) return null
    const root = rootOf(answer)
    for (const item of root.children.filter(({ name }) => name === 'Part')) {
      const sha256 = textOf(item, 'ChecksumSHA256')
      parts.push({
        number: Number(needed(item, 'PartNumber')),
        bytes: Number(needed(item, 'Size')),
        etag: needed(item, 'ETag'),
        sha256: sha256 === null ? null : Buffer.from(sha256, 'base64'),
      })
    }
    marker = textOf(root, 'IsTruncated') === 'true' ? needed(root, 'NextPartNumberMarker') : null
  }
  return parts
}
