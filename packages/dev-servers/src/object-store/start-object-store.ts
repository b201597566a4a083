import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, elements, xml } from './answers.ts'
import { Bucket, type Version } from './bucket.ts'
import { checkSignature, headersOf, type SigningTerms } from './check-signature.ts'
import { type Fault, type FaultKind, Faults } from './faults.ts'
import { type Asked, carryOut, type Operation, operationOf } from './operations.ts'
import { S3Error } from './s3-error.ts'

export interface ObjectStoreOptions {
  /** Default `recordings`. */
  readonly bucket?: string
  /** Default `eu-central-1`. */
  readonly region?: string
  /** Given, every request must bring it. */
  readonly sessionToken?: string
  /** Milliseconds since 1970; default the system's. Signatures, locks and dates go by it. */
  readonly now?: () => number
  /** The least that a part has, but for the last. Default 5 MiB, as in AWS. */
  readonly partBytesMin?: number
  /** Default: a free one. */
  readonly port?: number
}

/** A running object store on loopback HTTP that takes nothing on trust. */
export interface ObjectStoreServer {
  readonly url: string
  readonly port: number
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
  /** What went through, refused or not: `PutObject a/b`. */
  readonly requests: readonly string[]
  /** The newest version's bytes of each object. */
  objects(): ReadonlyMap<string, Uint8Array>
  /** All versions of an object, the oldest first. */
  versions(key: string): readonly Version[]
  /** Uploads in parts that are neither completed nor aborted. */
  openUploads(): number
  /** Puts bytes in as somebody with all rights would: as another version. */
  tamper(key: string, bytes: Uint8Array): void
  fail(fault: Fault): void
  /** Nothing goes wrong any more. */
  heal(): void
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const ACCESS_KEY_ID = 'AKIDDEVELOPMENT00001'
const SECRET_ACCESS_KEY = 'development/secret+key0000000000000000001'
const MIB = 1_048_576
const BODY_BYTES_MAX = 64 * MIB

/**
 * Starts an S3-compatible server with one bucket with versioning and Object Lock. It checks SigV4 by code of its own, and
 * enforces `If-None-Match: *`, locks and checksums. Buckets are addressed by path or by host (`<bucket>.localhost`).
 *
 * @example
 * const store = await startObjectStore()
 * store.fail({ operation: 'PutObject', kind: 'lost-answer' })
 * await store.stop()
 */
export async function startObjectStore(options: ObjectStoreOptions = {}): Promise<ObjectStoreServer> {
  const now = options.now ?? Date.now
  const name = options.bucket ?? 'recordings'
  const bucket = new Bucket({ now, partBytesMin: options.partBytesMin ?? 5 * MIB })
  const terms: SigningTerms = {
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    sessionToken: options.sessionToken ?? null,
    region: options.region ?? 'eu-central-1',
    now,
  }
  const faults = new Faults()
  const requests: string[] = []
  const server = createServer((request, response) => {
    void serve({ name, bucket, terms, faults, requests }, request, response)
  })
  const port = await listen(server, options.port ?? 0)
  return {
    url: `http://${HOST}:${port}`,
    port,
    bucket: name,
    region: terms.region,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    sessionToken: terms.sessionToken,
    requests,
    objects: () =>
      new Map(
        [...bucket.versions.keys()].sort().flatMap(key => {
          const found = bucket.find(key)
          return found === null ? [] : [[key, found.bytes] as const]
        }),
      ),
    versions: key => bucket.versions.get(key) ?? [],
    openUploads: () => bucket.uploads.size,
    tamper: (key, bytes) => {
      bucket.put(key, Buffer.from(bytes), { onlyNew: false, lock: null })
    },
    fail: fault => faults.add(fault),
    heal: () => faults.clear(),
    stop: () => close(server),
  }
}

interface World {
  readonly name: string
  readonly bucket: Bucket
  readonly terms: SigningTerms
  readonly faults: Faults
  readonly requests: string[]
}

async function serve(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const asked = takeApart(request, Buffer.of(), world.name)
    const operation = operationOf(asked)
    world.requests.push(`${operation ?? request.method} ${asked.key}`)
    const fault = operation === null ? null : world.faults.take(operation)
    if (fault === 'hang') return
    if (fault === 'cut' && operation !== 'GetObject') {
      request.once('data', () => request.socket.destroy())
      request.once('end', () => request.socket.destroy())
      return
    }
    const body = await bodyOf(request)
    const answer = answerTo(world, { ...asked, body }, { request, operation, fault })
    if (fault === 'lost-answer') return void request.socket.destroy()
    send(answer, { response, isCut: fault === 'cut', isHead: request.method === 'HEAD' })
  } catch {
    response.destroy() // the client left, or sent what no client of ours sends
  }
}

function answerTo(
  { name, bucket, terms }: World,
  asked: Asked,
  how: { readonly request: IncomingMessage; readonly operation: Operation | null; readonly fault: FaultKind | null },
): Answer {
  const { request, operation, fault } = how
  try {
    checkSignature(
      { method: asked.method, target: request.url ?? '/', rawHeaders: request.rawHeaders, body: asked.body },
      terms,
    )
    if (asked.bucket !== name) throw new S3Error(404, 'NoSuchBucket')
    if (operation === null) throw new S3Error(501, 'NotImplemented')
    if (fault === 'unavailable') throw new S3Error(503, 'SlowDown')
    if (fault === 'too-many') throw new S3Error(429, 'TooManyRequests')
    if (fault === 'denied') throw new S3Error(403, 'AccessDenied')
    if (fault === 'error-in-200') return errorAnswer(new S3Error(200, 'InternalError'))
    return carryOut(operation, bucket, asked)
  } catch (error) {
    if (error instanceof S3Error) return errorAnswer(error)
    throw error
  }
}

const errorAnswer = ({ status, code, message }: S3Error): Answer =>
  xml('Error', elements({ Code: code, Message: message }), status)

/** The bucket is in the host's first label, or the path's first segment. */
function takeApart(request: IncomingMessage, body: Buffer, name: string): Asked {
  const target = request.url ?? '/'
  const cut = target.indexOf('?')
  const path = decodeURIComponent(cut === -1 ? target : target.slice(0, cut))
  const headers = headersOf(request.rawHeaders)
  const query = new Map(
    (cut === -1 ? '' : target.slice(cut + 1))
      .split('&')
      .filter(pair => pair !== '')
      .map(pair => {
        const [key = '', value = ''] = pair.split('=')
        return [decodeURIComponent(key), decodeURIComponent(value)] as const
      }),
  )
  const isHostStyle = headers.get('host')?.startsWith(`${name}.`) === true
  const slash = path.indexOf('/', 1)
  const [bucket, key] = isHostStyle
    ? [name, path.slice(1)]
    : [path.slice(1, slash === -1 ? undefined : slash), slash === -1 ? '' : path.slice(slash + 1)]
  return { method: request.method ?? '', bucket, key, query, headers, body }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Error('too much')
  }
  return Buffer.concat(chunks)
}

function send(
  answer: Answer,
  { response, isCut, isHead }: { readonly response: ServerResponse; readonly isCut: boolean; readonly isHead: boolean },
): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) })
  if (isHead) return void response.end()
  if (!isCut) return void response.end(answer.body)
  response.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)), () => response.destroy())
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port))
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
