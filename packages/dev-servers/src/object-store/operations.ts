import { type Answer, elements, empty, xml } from './answers.ts'
import type { Bucket, Version, VersionLock } from './bucket.ts'
import { S3Error } from './s3-error.ts'

/** A request that was authenticated, taken apart. */
export interface Asked {
  readonly method: string
  readonly bucket: string
  /** Empty: it is about the bucket. */
  readonly key: string
  readonly query: ReadonlyMap<string, string>
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** What is asked for, in the words of the Amazon S3 API reference. */
export const OPERATIONS = [
  'PutObject',
  'GetObject',
  'HeadObject',
  'DeleteObject',
  'PutObjectRetention',
  'ListObjectsV2',
  'ListMultipartUploads',
  'CreateMultipartUpload',
  'UploadPart',
  'ListParts',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
] as const
export type Operation = (typeof OPERATIONS)[number]

/** Which operation a request is, or null for one that isn't served here. */
export function operationOf({ method, key, query }: Asked): Operation | null {
  if (key === '') {
    if (method !== 'GET') return null
    if (query.get('list-type') === '2') return 'ListObjectsV2'
    return query.has('uploads') ? 'ListMultipartUploads' : null
  }
  const isPart = query.has('uploadId')
  switch (method) {
    case 'PUT':
      return query.has('retention') ? 'PutObjectRetention' : isPart ? 'UploadPart' : 'PutObject'
    case 'GET':
      return isPart ? 'ListParts' : 'GetObject'
    case 'HEAD':
      return 'HeadObject'
    case 'POST':
      return query.has('uploads') ? 'CreateMultipartUpload' : isPart ? 'CompleteMultipartUpload' : null
    case 'DELETE':
      return isPart ? 'AbortMultipartUpload' : 'DeleteObject'
    default:
      return null
  }
}

type Serve = (bucket: Bucket, asked: Asked) => Answer

/** Carries out an operation. @throws S3Error */
export const carryOut = (operation: Operation, bucket: Bucket, asked: Asked): Answer => SERVE[operation](bucket, asked)

const SERVE: Readonly<Record<Operation, Serve>> = {
  PutObject: (bucket, asked) => {
    checkChecksum(asked)
    const lock = lockOf(asked.headers)
    if (lock !== null && !asked.headers.has('x-amz-checksum-sha256') && !asked.headers.has('content-md5')) {
      throw new S3Error(400, 'InvalidRequest', 'Content-MD5 or a checksum is required with Object Lock')
    }
    return empty(200, factsOf(bucket.put(asked.key, asked.body, { onlyNew: isOnlyNew(asked), lock })))
  },
  GetObject: (bucket, asked) => {
    const found = existing(bucket, asked)
    const range = asked.headers.get('range')
    if (range === undefined) return { status: 200, headers: factsOf(found), body: found.bytes }
    const [from, to] = rangeOf(range, found.bytes.length)
    const headers = { ...factsOf(found), 'content-range': `bytes ${from}-${to}/${found.bytes.length}` }
    return { status: 206, headers, body: found.bytes.subarray(from, to + 1) }
  },
  HeadObject: (bucket, asked) => {
    const found = existing(bucket, asked)
    return { status: 200, headers: factsOf(found), body: found.bytes }
  },
  DeleteObject: (bucket, asked) => {
    bucket.remove(asked.key, asked.query.get('versionId') ?? null, mayBypass(asked))
    return empty(204)
  },
  PutObjectRetention: (bucket, asked) => {
    const text = asked.body.toString()
    const [, mode] = /<Mode>(COMPLIANCE|GOVERNANCE)<\/Mode>/.exec(text) ?? []
    const [, until] = /<RetainUntilDate>([^<]+)<\/RetainUntilDate>/.exec(text) ?? []
    if ((mode !== 'COMPLIANCE' && mode !== 'GOVERNANCE') || until === undefined) throw new S3Error(400, 'MalformedXML')
    const lock = { mode, retainUntil: Date.parse(until) } as const
    bucket.retain(asked.key, asked.query.get('versionId') ?? null, lock, mayBypass(asked))
    return empty(200)
  },
  ListObjectsV2: (bucket, asked) => listObjects(bucket, asked),
  ListMultipartUploads: (bucket, { query }) => {
    const prefix = query.get('prefix') ?? ''
    const uploads = [...bucket.uploads].filter(([, { key }]) => key.startsWith(prefix))
    const listed = uploads.map(([id, { key }]) => `<Upload>${elements({ Key: key, UploadId: id })}</Upload>`)
    return xml('ListMultipartUploadsResult', elements({ IsTruncated: false }) + listed.join(''))
  },
  CreateMultipartUpload: (bucket, asked) => {
    const id = bucket.begin(asked.key, lockOf(asked.headers))
    return xml('InitiateMultipartUploadResult', elements({ Key: asked.key, UploadId: id }))
  },
  UploadPart: (bucket, asked) => {
    checkChecksum(asked)
    const number = Number(asked.query.get('partNumber'))
    const part = bucket.putPart(uploadId(asked), asked.key, number, asked.body)
    return empty(200, { etag: part.etag, 'x-amz-checksum-sha256': part.sha256 })
  },
  ListParts: (bucket, asked) => listParts(bucket, asked),
  CompleteMultipartUpload: (bucket, asked) => {
    const parts = [...asked.body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, inner = '']) => ({
      number: Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(inner)?.[1]),
      etag: (/<ETag>([^<]+)<\/ETag>/.exec(inner)?.[1] ?? '').replaceAll('&quot;', '"'),
      sha256: /<ChecksumSHA256>([^<]+)<\/ChecksumSHA256>/.exec(inner)?.[1] ?? null,
    }))
    const made = bucket.complete(uploadId(asked), asked.key, parts, isOnlyNew(asked))
    return xml('CompleteMultipartUploadResult', elements({ Key: asked.key, ETag: made.etag }))
  },
  AbortMultipartUpload: (bucket, asked) => {
    bucket.upload(uploadId(asked), asked.key)
    bucket.uploads.delete(uploadId(asked))
    return empty(204)
  },
}

const uploadId = ({ query }: Asked): string => query.get('uploadId') ?? ''
const isOnlyNew = ({ headers }: Asked): boolean => headers.get('if-none-match') === '*'
const mayBypass = ({ headers }: Asked): boolean => headers.get('x-amz-bypass-governance-retention') === 'true'

function existing(bucket: Bucket, { key }: Asked): Version & { readonly bytes: Buffer } {
  const found = bucket.find(key)
  if (found === null) throw new S3Error(404, 'NoSuchKey')
  return found
}

const factsOf = ({ etag, sha256, id, lock }: Version): Record<string, string> => ({
  etag,
  'x-amz-checksum-sha256': sha256,
  'x-amz-version-id': id,
  ...(lock === null
    ? {}
    : {
        'x-amz-object-lock-mode': lock.mode,
        'x-amz-object-lock-retain-until-date': new Date(lock.retainUntil).toISOString(),
      }),
})

function lockOf(headers: ReadonlyMap<string, string>): VersionLock | null {
  const mode = headers.get('x-amz-object-lock-mode')
  const until = headers.get('x-amz-object-lock-retain-until-date')
  if (mode === undefined && until === undefined) return null
  const retainUntil = Date.parse(until ?? '')
  if ((mode !== 'COMPLIANCE' && mode !== 'GOVERNANCE') || Number.isNaN(retainUntil)) {
    throw new S3Error(400, 'InvalidArgument', 'a lock needs mode and date')
  }
  return { mode, retainUntil }
}

/** What it is compared with was compared with the body when the signature was. */
function checkChecksum({ headers }: Asked): void {
  const given = headers.get('x-amz-checksum-sha256')
  if (given === undefined) return
  if (Buffer.from(headers.get('x-amz-content-sha256') ?? '', 'hex').toString('base64') !== given) {
    throw new S3Error(400, 'BadDigest')
  }
}

function rangeOf(range: string, length: number): readonly [number, number] {
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? []
  if (from === '' || Number(from) >= length) throw new S3Error(416, 'InvalidRange')
  return [Number(from), to === '' ? length - 1 : Math.min(Number(to), length - 1)]
}

/** So many keys a page, or fewer where asked; small here, so that whoever lists has to go on. */
const PAGE = 100

function listObjects(bucket: Bucket, { query }: Asked): Answer {
  const prefix = query.get('prefix') ?? ''
  const after =
    Buffer.from(query.get('continuation-token') ?? '', 'base64').toString() || (query.get('start-after') ?? '')
  const keys = [...bucket.versions.keys()]
    .filter(key => key.startsWith(prefix) && key > after && bucket.find(key) !== null)
    .sort()
  const pageMax = Math.min(Number(query.get('max-keys') ?? PAGE), PAGE)
  const page = keys.slice(0, pageMax)
  const isTruncated = keys.length > page.length
  const listed = page.map(key => {
    const { bytes, etag } = existing(bucket, {
      method: '',
      bucket: '',
      key,
      query,
      headers: new Map(),
      body: Buffer.of(),
    })
    return `<Contents>${elements({ Key: key, ETag: etag, Size: bytes.length })}</Contents>`
  })
  const next = isTruncated ? Buffer.from(page.at(-1) ?? '').toString('base64') : null
  return xml('ListBucketResult', elements({ IsTruncated: isTruncated, NextContinuationToken: next }) + listed.join(''))
}

/** Parts a page. */
const PARTS_PAGE = 3

function listParts(bucket: Bucket, asked: Asked): Answer {
  const after = Number(asked.query.get('part-number-marker') ?? 0)
  const all = [...bucket.upload(uploadId(asked), asked.key).parts.values()]
    .filter(({ number }) => number > after)
    .sort((a, b) => a.number - b.number)
  const page = all.slice(0, PARTS_PAGE)
  const isTruncated = all.length > page.length
  const listed = page.map(
    part =>
      `<Part>${elements({ PartNumber: part.number, ETag: part.etag, Size: part.bytes.length, ChecksumSHA256: part.sha256 })}</Part>`,
  )
  const next = isTruncated ? (page.at(-1)?.number ?? null) : null
  return xml('ListPartsResult', elements({ IsTruncated: isTruncated, NextPartNumberMarker: next }) + listed.join(''))
}
