import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { decode, decodeFirst } from 'cborg'

/**
 * A second reader, written from docs/recording-format.md alone and sharing no code with the first: the two must agree.
 * Takes a whole file; says what it is worth in itself, without a log.
 */
export type SecondOpinion =
  | { readonly kind: 'closed' | 'open'; readonly frames: number; readonly chain: string }
  | { readonly kind: 'torn'; readonly frames: number; readonly chain: string; readonly bytes: number }
  | { readonly kind: 'bad' }

const sha = (text: string, ...parts: Buffer[]): Buffer =>
  createHash('sha256')
    .update(Buffer.concat([Buffer.from(text, 'latin1'), ...parts]))
    .digest()

export function secondReader(file: Buffer): SecondOpinion {
  if (file.length < 12 || file.toString('latin1', 0, 8) !== 'DBREC1\0\0') return { kind: 'bad' }
  const headerEnd = 12 + file.readUInt32BE(8)
  if (file.readUInt32BE(8) > 65_536 || headerEnd > file.length) return { kind: 'bad' }
  if (!isHeader(file.subarray(12, headerEnd))) return { kind: 'bad' }
  let chain = sha('dbrec/v1/hdr', file.subarray(0, headerEnd))
  let frames = 0
  for (let at = headerEnd; ; ) {
    if (at === file.length)
      return frames === 0 ? { kind: 'bad' } : { kind: 'open', frames, chain: chain.toString('hex') }
    const end = frameEnd(file, at, frames)
    if (end === null) {
      if (frames === 0) return { kind: 'bad' }
      return { kind: 'torn', frames, chain: chain.toString('hex'), bytes: file.length - at }
    }
    const before = chain
    chain = sha('dbrec/v1/chain', before, sha('\0', file.subarray(at, end)))
    frames += 1
    if ((file.readUInt8(at + 5) & 1) === 1 || file[at + 4] === 16 || file[at + 4] === 14) {
      const isClose = isTrueClose(file.subarray(at, end), { frames, offset: at, chain: before }) && end === file.length
      return isClose ? { kind: 'closed', frames, chain: chain.toString('hex') } : { kind: 'bad' }
    }
    at = end
  }
}

const strict = {
  useMaps: true,
  strict: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
}

const texts = ['rec_id', 'session', 'instance_id', 'boot_id', 'policy_version', 'catalog', 'key_id']

function isHeader(bytes: Buffer): boolean {
  try {
    const header: unknown = decode(bytes, { ...strict, allowNaN: false, allowInfinity: false })
    if (!(header instanceof Map) || header.get('v') !== 1) return false
    const [requester, target]: unknown[] = [header.get('requester'), header.get('target')]
    if (!(requester instanceof Map) || !(target instanceof Map)) return false
    const actor: unknown = requester.get('actor') ?? null
    const isText = (map: Map<unknown, unknown>, key: string): boolean => typeof map.get(key) === 'string'
    return (
      texts.every(key => isText(header, key)) &&
      ['iss', 'sub'].every(key => isText(requester, key)) &&
      ['name', 'dialect'].every(key => isText(target, key)) &&
      (actor === null || (actor instanceof Map && ['iss', 'sub'].every(key => isText(actor, key)))) &&
      typeof (requester.get('jti_hash') ?? '') === 'string' &&
      typeof header.get('created_wall_ms') === 'number' &&
      ['dek_wrapped', 'value_check'].every(key => header.get(key) instanceof Uint8Array)
    )
  } catch {
    return false
  }
}

function frameEnd(file: Buffer, at: number, seq: number): number | null {
  if (file.length - at < 4) return null
  const length = file.readUInt32BE(at)
  const end = at + 4 + length
  if (length < 42 || length > 67_108_864 || end > file.length) return null
  const isFrame = file[at + 4] !== 0 && (file.readUInt8(at + 5) & 0xfc) === 0
  return isFrame && file.readBigUInt64BE(at + 6) === BigInt(seq) ? end : null
}

function isTrueClose(frame: Buffer, at: { frames: number; offset: number; chain: Buffer }): boolean {
  if (frame[4] !== 16 || frame[5] !== 3) return false
  try {
    const body: unknown = decode(frame.subarray(30, -16), strict)
    return (
      body instanceof Map &&
      typeof body.get('reason') === 'string' &&
      body.get('total_frames') === at.frames &&
      body.get('total_bytes') === at.offset &&
      Buffer.compare(body.get('chain'), at.chain) === 0
    )
  } catch {
    return false
  }
}

/** An entry that a block holds; `text` is what its VALUE says: words, or rows in hex. */
export type SecondEntry = { readonly statement: number; readonly text: string | null; readonly outcome: string | null }

/** Opens the blocks of a sound recording, from the same page: with the key-encryption key and the wrapped VALUE key. */
export function secondEntries(file: Buffer, kek: Uint8Array, wrappedValueKey: Uint8Array): readonly SecondEntry[] {
  const headerEnd = 12 + file.readUInt32BE(8)
  const header: Map<string, unknown> = decode(file.subarray(12, headerEnd), strict)
  const id = String(header.get('rec_id'))
  const unwrap = (wrapped: unknown, context: string): Buffer => {
    if (!(wrapped instanceof Uint8Array)) throw new Error('no wrapped key')
    const opened = createDecipheriv('aes-256-gcm', kek, wrapped.subarray(0, 12))
    opened.setAAD(Buffer.from(`dbrec/v1/${context}/${id}`))
    opened.setAuthTag(wrapped.subarray(-16))
    return Buffer.concat([opened.update(wrapped.subarray(12, -16)), opened.final()])
  }
  const derived = (key: Buffer, info: string): Buffer =>
    Buffer.from(hkdfSync('sha256', key, new Uint8Array(0), `dbrec/v1/${info}`, 32))
  const meta = derived(unwrap(header.get('dek_wrapped'), 'meta'), 'meta-stream')
  const value = derived(unwrap(wrappedValueKey, 'value'), 'value-stream')

  const found: SecondEntry[] = []
  for (let at = headerEnd; at < file.length; at += 4 + file.readUInt32BE(at)) {
    if (file[at + 4] !== 18) continue
    const body: Map<string, never> = decode(file.subarray(at + 30, at + 4 + file.readUInt32BE(at) - 16), strict)
    const first: number = body.get('first') ?? Number.NaN
    const counter = Buffer.alloc(16)
    counter.writeBigUInt64BE(BigInt(first))
    const open = (key: Buffer, bytes: Uint8Array): unknown[][] => {
      const items: unknown[][] = []
      for (let rest: Uint8Array = createDecipheriv('aes-256-ctr', key, counter).update(bytes); rest.length > 0; ) {
        const [item, more]: [unknown[], Uint8Array] = decodeFirst(rest, strict)
        items.push(item)
        rest = more
      }
      return items
    }
    const texts = new Map<unknown, string>()
    for (const [number, fields] of open(value, body.get('value') ?? new Uint8Array(0))) {
      if (!(fields instanceof Map)) continue
      const frames: unknown = fields.get('frames')
      const said = frames instanceof Uint8Array ? Buffer.from(frames).toString('hex') : null
      const words: unknown = said ?? fields.get('text') ?? fields.get('message')
      if (typeof words === 'string') texts.set(number, words)
    }
    for (const [index, [type, , , fields]] of open(meta, body.get('meta') ?? new Uint8Array(0)).entries()) {
      if (!(fields instanceof Map)) throw new Error('an entry without META')
      const text = type === 11 ? null : (texts.get(first + index) ?? texts.get(fields.get('like')) ?? null)
      const outcome = type === 11 ? String(fields.get('completion').get('kind')) : null
      found.push({ statement: Number(fields.get('statement')), text, outcome })
    }
  }
  return found
}
