#!/usr/bin/env node
// A second verifier, written from docs/recording-format.md alone: it shares no code with the package beside it, so that
// neither has to be believed on its own. Reads a recordings directory, needs no key of the recordings, changes nothing.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
const same = (a, b) => a !== undefined && b !== undefined && Buffer.compare(a, b) === 0

// --- CBOR, as far as headers and clear bodies have it (RFC 8949 section 4.2.1). Null where the bytes are not of a shape.
// Shapes: t text, n number, b bytes, s map of texts, [x] list of x, {key: x} map with these keys; `key?` may be null or absent.
const isA = (value, shape) => {
  if (shape === 't') return typeof value === 'string'
  if (shape === 'n') return typeof value === 'number'
  if (shape === 'b') return value instanceof Uint8Array
  if (shape === 's') return value instanceof Map && [...value].flat().every(text => typeof text === 'string')
  if (Array.isArray(shape)) return Array.isArray(value) && value.every(one => isA(one, shape[0]))
  const hasField = ([key, inner]) => {
    const field = value.get(key.replace('?', '')) ?? null
    return field === null ? key.endsWith('?') : isA(field, inner)
  }
  return value instanceof Map && Object.entries(shape).every(hasField)
}

function read(bytes, shape) {
  let at = 0
  const check = isRight => {
    if (!isRight) throw new Error('not what the format has')
  }
  const take = count => {
    check(at + count <= bytes.length)
    at += count
    return bytes.subarray(at - count, at)
  }
  const argument = info => {
    if (info < 24) return info
    check(info < 28)
    const raw = take(2 ** (info - 24))
    const value = raw.length === 8 ? Number(raw.readBigUInt64BE()) : raw.readUIntBE(0, raw.length)
    check(value >= [24, 2 ** 8, 2 ** 16, 2 ** 32][info - 24] && value <= Number.MAX_SAFE_INTEGER)
    return value
  }
  const item = depth => {
    const initial = take(1)[0]
    const [major, info] = [initial >> 5, initial & 31]
    if (major === 7 && info >= 20 && info <= 22) return [false, true, null][info - 20]
    // Fractions of clear bodies say nothing about a verdict.
    if (major === 7 && info >= 25 && info <= 27) return take(2 ** (info - 24)).length
    check(major !== 6 && major !== 7 && depth < 64)
    const count = argument(info)
    if (major < 2) return major === 0 ? count : -1 - count
    if (major < 4) return major === 2 ? take(count) : take(count).toString('utf8')
    check(count <= bytes.length)
    if (major === 4) return Array.from({ length: count }, () => item(depth + 1))
    const map = new Map(Array.from({ length: count }, () => [item(depth + 1), item(depth + 1)]))
    check(map.size === count)
    return map
  }
  try {
    const value = item(0)
    return at === bytes.length && isA(value, shape) ? value : null
  } catch {
    return null
  }
}

// --- Files: a header and frames, one at a time. Gives how many bytes follow the whole frames, and why they are none.
function readFrames(file, magic, onHeader, onFrame) {
  const fd = openSync(file, 'r')
  const { size } = statSync(file)
  const readAt = (offset, count) => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(count, size - offset)))
    for (let done = 0; done < bytes.length; ) done += readSync(fd, bytes, done, bytes.length - done, offset + done)
    return bytes
  }
  try {
    const start = readAt(0, 12)
    let offset = start.length < 12 ? size + 1 : 12 + start.readUInt32BE(8)
    if (start.toString('latin1', 0, 8) !== magic || offset > Math.min(size, 12 + 65_536)) return { rest: size }
    let chain = sha('dbrec/v1/hdr', readAt(0, offset))
    onHeader(readAt(12, offset - 12))
    for (let seq = 0; ; seq++) {
      const [rest, head] = [size - offset, readAt(offset, 30)]
      const length = rest < 4 ? 42 : head.readUInt32BE(0)
      const isPossible = length >= 42 && length <= 67_108_864
      if (!isPossible || 4 + length > rest) return { rest, isTorn: isPossible && rest > 0 }
      const [type, flags] = head.subarray(4, 6)
      if (type === 0 || flags > 3 || head.readBigUInt64BE(6) !== BigInt(seq)) return { rest }
      const frame = readAt(offset, 4 + length)
      const [before, leaf, end] = [chain, sha(Buffer.of(0), frame), offset + frame.length]
      chain = sha('dbrec/v1/chain', before, leaf)
      onFrame({ seq, type, flags, body: frame.subarray(30, -16), before, after: chain, leaf, offset, end })
      offset = end
      if (flags % 2 === 1) return { rest: size - offset }
    }
  } finally {
    closeSync(fd)
  }
}

// --- Checkpoints: C2SP signed notes over the RFC 6962 tree whose leaves are a log's frames.
function rootsAt(sizes, entries) {
  const [complete, roots] = [[], new Map([[0, sha()]])]
  for (const [index, { leaf }] of entries.entries()) {
    let node = leaf
    for (let left = index; left % 2 === 1; left = (left - 1) / 2) node = sha(Buffer.of(1), complete.pop(), node)
    complete.push(node)
    if (!sizes.has(index + 1)) continue
    roots.set(
      index + 1,
      complete.reduceRight((right, left) => sha(Buffer.of(1), left, right)),
    )
  }
  return roots
}

const base64 = text => (Buffer.from(text, 'base64').toString('base64') === text ? Buffer.from(text, 'base64') : null)

// A verifier key: `<name>+<8 hex digits>+<base64 of 0x01 and the Ed25519 key>`. Null where it is none.
function readKey(text) {
  const [, name, id, rest] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? []
  const typed = base64(rest ?? '')
  if (typed?.length !== 33 || typed[0] !== 1 || !sha(`${name}\n`, typed).toString('hex').startsWith(id)) return null
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: typed.subarray(1).toString('base64url') }
  return { name, id, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
}

// What a note says of a boot's log, or null where no key that is known signed it.
function readNote({ boot, note }, keys) {
  const end = note.lastIndexOf('\n\n') + 1
  const [origin, size, root = ''] = note.slice(0, end).split('\n')
  const lines = note.slice(end + 1).split('\n')
  if (lines.pop() !== '' || !/^(0|[1-9]\d{0,15})$/.test(size) || base64(root)?.length !== 32) return null
  const checked = lines.map(line => {
    const [, name, text] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? []
    const [signature, key] = [base64(text ?? ''), keys.find(one => one.name === name)]
    if (signature === null || signature.length <= 4) return false
    if (signature.toString('hex', 0, 4) !== key?.id) return null
    return (
      verify(null, Buffer.from(note.slice(0, end)), key.publicKey, signature.subarray(4)) &&
      `${name}/${boot}` === origin
    )
  })
  return checked.includes(false) || !checked.includes(true) ? null : { size: Number(size), root: base64(root) }
}

// --- Instance logs.
const HEAD = { rec_id: 't', frames: 'n', chain: 'b' }
const BOOT_BODY = { previous: [{ boot_id: 't', frames: 'n', chain: 'b' }] }
const ABOUT_RECORDINGS = { 33: HEAD, 34: HEAD, 35: HEAD, 36: HEAD, 37: HEAD, 46: { ...HEAD, why: 't' } }
const OTHERS = { 39: { tail: 'n' }, 40: { tail: 'n' }, 41: { origin: 't', vkey: 't' }, 42: { name: 't', digest: 't' } }
const MORE = { 44: { rec_id: 't', who: 't', why: 't' }, 45: { ...HEAD, place: 't', sha256: 'b' } }
const ACCESS = { 43: { who: 't', action: 't', 'rec_id?': 't', detail: 't' } }
const LOG_BODIES = { 32: BOOT_BODY, ...ABOUT_RECORDINGS, ...OTHERS, ...MORE, ...ACCESS }
const LOG_HEADER = { v: 'n', boot_id: 't', instance_id: 't', created_wall_ms: 'n', key_id: 't', dek_wrapped: 'b' }

function readLog(file) {
  const log = { boot: null, entries: [], state: 'sound', anchored: 0, isRolledBack: false, length: 0 }
  const onHeader = bytes => {
    const header = read(bytes, LOG_HEADER)
    if (header?.get('v') === 1) log.boot = header.get('boot_id')
    else log.state = 'damaged'
  }
  const onFrame = ({ type, body, before, after, leaf, end }) => {
    const fields = read(body, { prev: 'b', ...LOG_BODIES[type] })
    if (fields === null || !same(fields.get('prev'), before)) log.state = 'damaged'
    if (log.state !== 'damaged') log.entries.push({ type, fields, after, leaf, end })
  }
  if (!existsSync(file)) return { ...log, state: 'damaged' }
  const { rest, isTorn } = readFrames(file, 'DBLOG1\0\0', onHeader, onFrame)
  if (rest > 0 && log.state === 'sound') log.state = isTorn && log.entries.length > 0 ? 'torn' : 'damaged'
  return { ...log, length: statSync(file).size }
}

const ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/
const foldersIn = dir => readdirSync(dir, { withFileTypes: true }).filter(one => one.isDirectory() && ID.test(one.name))
const filesIn = (dir, pattern) =>
  foldersIn(dir).flatMap(({ name: boot }) =>
    readdirSync(join(dir, boot)).flatMap(name => (pattern.test(name) ? [{ boot, path: join(dir, boot, name) }] : [])),
  )
const withNote = isLocal => one => ({ ...one, isLocal, note: readFileSync(one.path, 'utf8') })

// All logs by boot, each held against what is signed and against what later boots saw of it.
function readLogs(dir, anchors, keyTexts) {
  const notes = anchors.flatMap(anchor => filesIn(anchor, /^\d{20}\.checkpoint$/).map(withNote(false)))
  notes.push(...filesIn(dir, /^checkpoint$/).map(withNote(true)))
  const recorded = new Set(filesIn(dir, /\.dbrec$/).map(({ boot }) => boot))
  const read = foldersIn(dir).map(({ name }) => [name, readLog(join(dir, name, 'instance.log'))])
  const logs = new Map(read.filter(([boot, log]) => log.boot !== null || recorded.has(boot)))
  const named = [...logs.values()].flatMap(({ entries }) =>
    entries[1]?.type === 41 ? [entries[1].fields.get('vkey')] : [],
  )
  const keys = (keyTexts.length > 0 ? keyTexts : named).map(readKey).filter(key => key !== null)
  const logOf = boot => logs.get(boot) ?? logs.set(boot, readLog('')).get(boot)
  const signed = notes.map(one => ({ ...one, checkpoint: readNote(one, keys) }))
  const refused = signed.filter(({ checkpoint }) => checkpoint === null)
  // Somebody signed it; where no key was given to tell whom, the log is not what was anchored.
  if (keyTexts.length === 0) for (const { boot } of refused.filter(one => !one.isLocal)) logOf(boot).isRolledBack = true
  for (const [boot, log] of logs) if (log.boot !== null && log.boot !== boot) log.state = 'damaged'
  for (const boot of new Set(signed.map(one => one.boot))) {
    const own = signed.filter(one => one.boot === boot && one.checkpoint !== null)
    if (own.length === 0) continue
    const log = logOf(boot)
    const roots = rootsAt(new Set(own.map(({ checkpoint }) => checkpoint.size)), log.entries)
    for (const { checkpoint, isLocal } of own) {
      if (!same(roots.get(checkpoint.size), checkpoint.root)) log.isRolledBack = true
      else if (!isLocal && (log.boot ?? boot) === boot) log.anchored = Math.max(log.anchored, checkpoint.size)
    }
  }
  for (const log of logs.values()) if (log.isRolledBack) log.state = 'damaged'
  for (const { fields } of [...logs.values()].flatMap(({ entries }) => entries.filter(({ type }) => type === 32))) {
    for (const seen of fields.get('previous')) {
      const log = logOf(seen.get('boot_id'))
      const last = log.entries[seen.get('frames') - 1]
      const rest = log.length - (last?.end ?? 0)
      if (!same(last?.after, seen.get('chain'))) log.state = 'damaged'
      else if (rest > 0 && rest <= 2_097_152 && !log.isRolledBack)
        Object.assign(log, { state: 'torn', size: seen.get('frames') })
    }
  }
  return { logs, refused: refused.length }
}

// What the logs say of each recording.
function joinLogs(logs, hasAnchors) {
  const recordings = new Map()
  for (const { entries, state, anchored, size } of logs.values()) {
    for (const [index, { type, fields }] of entries.slice(0, size).entries()) {
      if (ABOUT_RECORDINGS[type] === undefined) continue
      const isAnchored = !hasAnchors || index < anchored
      const isDoubtful = state === 'damaged' && !(hasAnchors && isAnchored)
      const head = { frames: fields.get('frames'), chain: fields.get('chain') }
      const fresh = { heads: new Map(), counting: new Set(), last: head, ended: null, retired: null, isDoubtful: false }
      const known = recordings.get(fields.get('rec_id')) ?? fresh
      recordings.set(fields.get('rec_id'), known)
      if (type === 46 && isAnchored && !isDoubtful) known.retired = head
      if (type === 46) continue
      const isSame = same(known.heads.get(head.frames) ?? head.chain, head.chain)
      if (isDoubtful || !isSame) known.isDoubtful = true
      if (isSame || isAnchored) known.heads.set(head.frames, head.chain)
      if (isAnchored) known.counting.add(head.frames)
      if (head.frames >= known.last.frames) known.last = head
      const isEnd = (type === 35 || type === 36) && !(known.ended?.isAnchored && !isAnchored)
      if (isEnd) known.ended = { kind: type === 35 ? 'closed' : 'recovered', frames: head.frames, isAnchored }
    }
  }
  return recordings
}

// --- Recordings.
const PERSON = { iss: 't', sub: 't' }
const WHO = {
  requester: { ...PERSON, 'actor?': PERSON, 'jti_hash?': 't' },
  session: 't',
  policy_version: 't',
  catalog: 't',
}
const WHERE = {
  target: { name: 't', dialect: 't', 'server?': 's' },
  instance_id: 't',
  boot_id: 't',
  created_wall_ms: 'n',
}
const HEADER = { v: 'n', rec_id: 't', ...WHO, ...WHERE, key_id: 't', dek_wrapped: 'b', value_check: 'b' }
const ENDS = {
  16: { reason: 't', total_frames: 'n', total_bytes: 'n', chain: 'b' },
  14: { boot_id: 't', last_seq: 'n', last_chain: 'b', discarded_len: 'n', discarded_sha256: 'b', 'tail_entries?': 'n' },
}

function verdictOf(path, id, known, logs) {
  let [header, end, mark, frames, anchored, broken] = [null, 'open', null, 0, 0, null]
  const breakAt = seq => (broken ??= seq)
  const onHeader = bytes => {
    header = read(bytes, HEADER)
    if (header?.get('v') !== 1) breakAt(0)
  }
  const onFrame = ({ seq, type, flags, body, before, after, offset }) => {
    frames = seq + 1
    const head = known?.heads.get(frames)
    if (head !== undefined && !same(head, after)) breakAt(anchored)
    else if (known?.counting.has(frames)) anchored = frames
    if (flags % 2 === 0 && ENDS[type] === undefined) return
    mark = flags === 3 && ENDS[type] !== undefined ? read(body, ENDS[type]) : null
    const [n, chain] = type === 16 ? ['total_frames', 'chain'] : ['last_seq', 'last_chain']
    const isTrue = mark?.get(n) === (type === 16 ? frames : seq - 1) && same(mark.get(chain), before)
    if (!isTrue || (type === 16 && mark.get('total_bytes') !== offset)) breakAt(anchored)
    if (mark !== null) end = type === 16 ? 'closed' : 'recovered'
  }
  const { rest } = readFrames(path, 'DBREC1\0\0', onHeader, onFrame)
  if (frames === 0) breakAt(0)
  if (rest > 0 && end !== 'open') breakAt(frames)
  if (rest > 0 && end === 'open') end = 'torn'
  if (header !== null && header.get('rec_id') !== id) return { kind: 'TAMPERED', firstBadSeq: 0 }
  if (broken !== null) return { kind: 'TAMPERED', firstBadSeq: broken }
  const isEndWrong = known?.ended && (known.ended.kind !== end || known.ended.frames !== frames)
  if ((known?.last.frames ?? 0) > frames || isEndWrong) return { kind: 'TAMPERED', firstBadSeq: anchored }
  if (rest > 1_048_576 + 67_108_864) return { kind: 'TAMPERED', firstBadSeq: frames }
  const isVouchedFor = known?.ended?.isAnchored === true && !known.isDoubtful
  const vouchers = [header.get('boot_id'), end === 'recovered' ? mark.get('boot_id') : '']
  const isRolledBack = vouchers.some(boot => logs.get(boot)?.isRolledBack)
  if (isRolledBack && !isVouchedFor) return { kind: 'TAMPERED', firstBadSeq: anchored }
  if (end !== 'closed') return { kind: end === 'open' ? 'OPEN' : 'TORN', frames, anchoredFrames: anchored }
  return isVouchedFor ? { kind: 'COMPLETE', frames } : { kind: 'UNANCHORED', frames, since: anchored }
}

function missing({ last, retired }) {
  const isRetired = retired?.frames === last.frames && same(retired.chain, last.chain)
  return { kind: 'MISSING', lastFrames: last.frames, isRetired }
}

/** The verdict on all of a directory. `anchors`: folders that keep checkpoints. `keys`: verifier keys; else those logs name. */
export function verifyDirectory(dir, { anchors = [], keys = [] } = {}) {
  const { logs, refused } = readLogs(dir, anchors, keys)
  const known = joinLogs(logs, anchors.length > 0)
  const recordings = filesIn(dir, /\.dbrec$/).map(({ path }) => {
    const recording = basename(path, '.dbrec')
    return { recording, file: path, verdict: verdictOf(path, recording, known.get(recording), logs) }
  })
  const present = new Set(recordings.map(({ recording }) => recording))
  for (const [recording, log] of known) {
    if (!present.has(recording)) recordings.push({ recording, file: null, verdict: missing(log) })
  }
  const states = [...logs].map(([boot, { state, anchored, isRolledBack }]) => ({ boot, state, anchored, isRolledBack }))
  return { recordings, logs: states, refused }
}

function main() {
  const options = {
    anchor: { type: 'string', multiple: true },
    key: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (positionals.length !== 1 || values.key?.some(key => readKey(key) === null)) {
    throw new Error('expected: verify.mjs DIR [--anchor FOLDER]... [--key VERIFIER_KEY]... [--json]')
  }
  const found = verifyDirectory(positionals[0], { anchors: values.anchor, keys: values.key })
  const damaged = found.logs.filter(({ state }) => state === 'damaged')
  const lines = [
    ...found.recordings.map(({ recording, verdict }) => `${recording}  ${JSON.stringify(verdict)}`),
    ...damaged.map(log => `log of boot ${log.boot}  ${log.isRolledBack ? 'NOT WHAT WAS SIGNED' : 'DAMAGED OR GONE'}`),
    ...(found.refused > 0 ? [`${found.refused} checkpoints are not signed by a key that is known`] : []),
  ]
  process.stdout.write(`${values.json ? JSON.stringify(found, null, 2) : lines.join('\n')}\n`)
  const isSound = ({ verdict }) => verdict.kind === 'COMPLETE' || verdict.isRetired === true
  return found.recordings.every(isSound) && damaged.length + found.refused === 0 ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main()
