import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** What a witness knows of a log. */
export interface WitnessedLog {
  readonly size: number
  readonly root: string
}

export interface WitnessState {
  readonly name: string
  readonly key: KeyObject
  /** Verifier keys of logs: each speaks for the origins that begin with its name and a slash. */
  readonly logKeys: readonly string[]
  readonly logs: Map<string, WitnessedLog>
  /** Seconds since 1970. */
  readonly now: () => number
}

export interface WitnessAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const PROOF_LINES_MAX = 63
const says = (status: number, body: string, type = 'text/plain'): WitnessAnswer => ({ status, type, body: `${body}\n` })

/** Answers a request as c2sp.org/tlog-witness has it: cosigns what is signed by a log and only grew, and nothing else. */
export function addCheckpoint(body: string, state: WitnessState): WitnessAnswer {
  const request = readRequest(body)
  if (request === null) return says(400, 'malformed request')
  const { oldSize, proof, text, signatures, origin, size, root } = request
  const keys = state.logKeys.map(readKey).filter(key => origin.startsWith(`${key.name}/`))
  if (keys.length === 0) return says(404, 'unknown log')
  const isSigned = keys.some(key =>
    signatures.some(line => line.name === key.name && line.id === key.id && isSignature(key, text, line.signature)),
  )
  if (!isSigned) return says(403, 'no signature by a key of this log')
  if (oldSize > size) return says(400, 'the old size is larger than the checkpoint')
  const known = state.logs.get(origin) ?? { size: 0, root: EMPTY_ROOT }
  if (oldSize !== known.size) return says(409, String(known.size), 'text/x.tlog.size')
  if (oldSize === size && root !== known.root) return says(409, String(known.size), 'text/x.tlog.size')
  if (!isGrowth(known, { size, root }, proof)) return says(422, 'the proof does not show that the log only grew')
  state.logs.set(origin, { size, root })
  return says(200, cosign(text, state))
}

interface Request {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  readonly text: string
  readonly signatures: readonly { readonly name: string; readonly id: string; readonly signature: Uint8Array }[]
  readonly origin: string
  readonly size: number
  readonly root: string
}

function readRequest(body: string): Request | null {
  const [head = '', text = '', signed = '', ...rest] = body.split('\n\n')
  const [old = '', ...proof] = head.split('\n')
  const oldSize = /^old (0|[1-9][0-9]*)$/.exec(old)?.[1]
  const [origin = '', size = '', root = ''] = text.split('\n')
  if (oldSize === undefined || rest.length > 0 || proof.length > PROOF_LINES_MAX || !signed.endsWith('\n')) return null
  if (origin === '' || !/^(0|[1-9][0-9]*)$/.test(size) || !/^[A-Za-z0-9+/]{43}=$/.test(root)) return null
  const signatures = signed.slice(0, -1).split('\n').map(readSignature)
  if (proof.some(line => !/^[A-Za-z0-9+/]{43}=$/.test(line)) || signatures.includes(null)) return null
  return {
    oldSize: Number(oldSize),
    proof: proof.map(line => Buffer.from(line, 'base64')),
    text: `${text}\n`,
    signatures: signatures.filter(line => line !== null),
    origin,
    size: Number(size),
    root,
  }
}

function readSignature(line: string): Request['signatures'][number] | null {
  const [, name, base64] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? []
  if (name === undefined || base64 === undefined) return null
  const bytes = Buffer.from(base64, 'base64')
  return { name, id: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) }
}

interface LogKey {
  readonly name: string
  readonly id: string
  readonly key: KeyObject
}

function readKey(text: string): LogKey {
  const [name = '', id = '', ...base64] = text.split('+')
  const raw = Buffer.from(base64.join('+'), 'base64').subarray(1)
  const x = raw.toString('base64url')
  return { name, id, key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }) }
}

const isSignature = ({ key }: LogKey, text: string, signature: Uint8Array): boolean =>
  verify(null, Buffer.from(text), key, signature)

const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
const EMPTY_ROOT = sha256().toString('base64')

/** RFC 6962 section 2.1.2, read backwards: makes both roots of the proof, in the order in which it was made. */
function isGrowth(old: WitnessedLog, now: WitnessedLog, proof: readonly Uint8Array[]): boolean {
  if (old.size === 0) return proof.length === 0
  if (old.size === now.size) return proof.length === 0 && old.root === now.root
  const left = [...proof]
  const roots = rootsOf(old.size, now.size, { left, whole: Buffer.from(old.root, 'base64') })
  if (roots === null || left.length > 0) return false
  return roots.older.toString('base64') === old.root && roots.newer.toString('base64') === now.root
}

interface Roots {
  readonly older: Buffer
  readonly newer: Buffer
}

function rootsOf(
  m: number,
  n: number,
  given: { readonly left: Uint8Array[]; readonly whole: Uint8Array | null },
): Roots | null {
  if (m === n) {
    const root = given.whole ?? given.left.shift()
    return root === undefined ? null : { older: Buffer.from(root), newer: Buffer.from(root) }
  }
  let k = 1
  while (k * 2 < n) k *= 2
  const inner = m <= k ? rootsOf(m, k, given) : rootsOf(m - k, n - k, { ...given, whole: null })
  const sibling = given.left.shift()
  if (inner === null || sibling === undefined) return null
  const node = (a: Uint8Array, b: Uint8Array): Buffer => sha256(Buffer.of(1), a, b)
  return m <= k
    ? { older: inner.older, newer: node(inner.newer, sibling) }
    : { older: node(sibling, inner.older), newer: node(sibling, inner.newer) }
}

/** A signature line by the witness, over the text and the time (c2sp.org/tlog-cosignature). */
function cosign(text: string, { name, key, now }: WitnessState): string {
  const seconds = BigInt(now())
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(seconds)
  const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), key)
  const [, id = ''] = witnessKeyText(name, key).split('+')
  return `\u2014 ${name} ${Buffer.concat([Buffer.from(id, 'hex'), time, signature]).toString('base64')}`
}

/** What its cosignatures are verified by. */
export function witnessKeyText(name: string, key: KeyObject): string {
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  const typed = Buffer.concat([Buffer.of(4), raw])
  const id = sha256(Buffer.from(`${name}\n`), typed).subarray(0, 4)
  return `${name}+${id.toString('hex')}+${typed.toString('base64')}`
}
