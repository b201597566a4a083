// A second verifier, written from docs/recording-format.md alone: it shares no code with the package beside it, so that
// neither has to be believed on its own. Reads a recordings directory, needs no key of the recordings, changes nothing.
import { ok as check } from 'node:assert'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
const same = (a, b) => a !== undefined && b !== undefined && Buffer.compare(a, b) === 0

// --- CBOR, as far as headers and clear bodies have it (RFC 8949 section 4.2.1). Null where the bytes are not of a shape.
// Shapes: t text, n number, b bytes, s map of texts, [x] list of x, {key: x} map with these keys; `key?` may be null or absent.
const isA = (value, shape) => {
  if (shape === 't' || shape === 'n') return typeof value === (shape === 't' ? 'string' : 'number')
  if (shape === 'b') return value instanceof Uint8Array
  if (shape === 's') return value instanceof Map && [...value].flat().every(text => typeof text === 'string')
  if (Array.isArray(shape)) return Array.isArray(value) && value.every(one => isA(one, shape[0]))
  const field = key => value.get(key.replace('?', '')) ?? null
  const isRight = ([key, inner]) => (field(key) === null ? key.endsWith('?') : isA(field(key), inner))
  return value instanceof Map && Object.entries(shape).every(isRight)
}
function read(bytes, shape) {
  let at = 0
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
    const [major, info] = [bytes[at] >> 5, bytes[at++] & 31]
    if (major === 7 && info >= 20 && info <= 22) return [false, true, null][info - 20]
    if (major === 7 && info >= 25 && info <= 27) return take(2 ** (info - 24)).length // fractions: none decides anything
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
  const { size } = lstatSync(file)
  const readAt = (offset, count) => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(count, size - offset)))
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset))
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
      if (head[4] === 0 || head[5] > 3 || head.readBigUInt64BE(6) !== BigInt(seq)) return { rest }
      const frame = readAt(offset, 4 + length)
      const [before, leaf, end] = [chain, sha(Buffer.of(0), frame), offset + frame.length]
      chain = sha('dbrec/v1/chain', before, leaf)
      const at = { type: head[4], flags: head[5], offset, end }
      onFrame({ ...at, body: frame.subarray(30, -16), before, after: chain, leaf })
      offset = end
      if (head[5] % 2 === 1) return { rest: size - offset }
    }
  } finally {
    closeSync(fd)
  }
}

// --- Checkpoints: C2SP signed notes over the RFC 6962 tree whose leaves are a log's frames. Nodes are kept: sizes share them.
function rootOf(log, start, end) {
  if (end - start === 1) return log.entries[start].leaf
  const middle = start + 2 ** (Math.ceil(Math.log2(end - start)) - 1)
  const [key, children] = [`${start} ${end}`, () => [rootOf(log, start, middle), rootOf(log, middle, end)]]
  return log.nodes.get(key) ?? log.nodes.set(key, sha(Buffer.of(1), ...children())).get(key)
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
// What a note says of a boot's log; false where no key that is known signed it, null where it is no whole note.
function readNote({ boot, note }, keys) {
  const end = note.lastIndexOf('\n\n') + 1
  const [text, lines] = [note.slice(0, end), note.slice(end + 1).split('\n')]
  const [origin, size, root = ''] = text.split('\n')
  const parsed = lines.slice(0, -1).map(line => /^\u2014 (\S+) (\S+)$/.exec(line) ?? [])
  const signatures = parsed.map(([, name, value]) => ({ name, bytes: base64(value ?? '') }))
  const isWhole = end > 0 && lines.at(-1) === '' && signatures.every(({ bytes }) => bytes?.length > 4)
  if (!isWhole || !/^(0|[1-9]\d{0,15})$/.test(size) || base64(root)?.length !== 32) return null
  const checked = signatures.map(({ name, bytes }) => {
    const key = keys.find(one => one.name === name && one.id === bytes.toString('hex', 0, 4))
    return key && `${name}/${boot}` === origin && verify(null, Buffer.from(text), key.publicKey, bytes.subarray(4))
  })
  return !checked.includes(false) && checked.includes(true) && { size: Number(size), root: base64(root) }
}

// --- Instance logs.
const all = (type, names) => Object.fromEntries(names.split(' ').map(name => [name, type]))
const HEAD = { rec_id: 't', frames: 'n', chain: 'b' }
const ABOUT_RECORDINGS = { ...all(HEAD, '33 34 35 36 37'), 46: { ...HEAD, why: 't' } }
const TEXTS = { 41: 'origin vkey', 42: 'name digest', 43: 'who action detail', 44: 'rec_id who why' }
const SEEN = { boot_id: 't', frames: 'n', chain: 'b' }
const MORE = { ...all({ tail: 'n' }, '39 40'), 43: { 'rec_id?': 't' }, 45: { ...HEAD, place: 't', sha256: 'b' } }
const LOG_BODIES = { 32: { previous: [SEEN] }, ...ABOUT_RECORDINGS, ...MORE }
const LOG_HEADER = { ...all('t', 'boot_id instance_id key_id'), ...all('n', 'v created_wall_ms'), dek_wrapped: 'b' }
function readLog(file, name) {
  const log = { header: null, entries: [], state: 'sound', anchored: 0, signed: 0, nodes: new Map() }
  const onHeader = bytes => Object.assign(log, { header: read(bytes, LOG_HEADER) })
  const onFrame = ({ type, body, before, after, leaf, end }) => {
    const fields = read(body, { prev: 'b', ...LOG_BODIES[type], ...(TEXTS[type] && all('t', TEXTS[type])) })
    if (log.header?.get('v') !== 1 || !same(fields?.get('prev'), before)) log.state = 'damaged'
    if (log.state !== 'damaged') log.entries.push({ type, fields, after, leaf, end })
  }
  const found = lstatSync(file, { throwIfNoEntry: false })
  const { rest, isTorn } = found?.isFile() ? readFrames(file, 'DBLOG1\0\0', onHeader, onFrame) : { rest: 1 }
  if (rest > 0 && log.state === 'sound') log.state = isTorn && log.entries.length > 0 ? 'torn' : 'damaged'
  const boot = log.header?.get('v') === 1 ? log.header.get('boot_id') : null
  const [isOwn, length] = [boot === name, found?.size ?? 0]
  return { ...log, boot, isOwn, length, state: isOwn ? log.state : 'damaged', isRolledBack: false }
}
const ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/
const inside = (dir, kind) => readdirSync(dir, { withFileTypes: true }).flatMap(one => (one[kind]() ? [one.name] : []))
const foldersIn = dir => inside(dir, 'isDirectory').filter(name => ID.test(name))
const pathsIn = (dir, boot) => inside(join(dir, boot), 'isFile').map(name => ({ boot, path: join(dir, boot, name) }))
const filesIn = (dir, end) => foldersIn(dir).flatMap(boot => pathsIn(dir, boot).filter(({ path }) => end.test(path)))
const withNote = isLocal => one => ({ ...one, isLocal, note: readFileSync(one.path, 'utf8') })
// All logs by boot, each held against what is signed and against what later boots saw of it.
function readLogs(dir, anchors, keyTexts) {
  const notes = anchors.flatMap(anchor => filesIn(anchor, /[\\/]\d{20}\.checkpoint$/).map(withNote(false)))
  notes.push(...filesIn(dir, /[\\/]checkpoint$/).map(withNote(true)))
  const recorded = new Set(filesIn(dir, /\.dbrec$/).map(({ boot }) => boot))
  const read = foldersIn(dir).map(name => [name, readLog(join(dir, name, 'instance.log'), name)])
  const logs = new Map(read.filter(([boot, log]) => log.boot !== null || recorded.has(boot)))
  const named = [...logs.values()].map(({ entries }) => (entries[1]?.type === 41 ? entries[1].fields.get('vkey') : ''))
  const keys = (keyTexts.length > 0 ? keyTexts : named).map(readKey).filter(key => key !== null)
  const logOf = boot => logs.get(boot) ?? logs.set(boot, readLog('', boot)).get(boot)
  let refused = 0
  for (const { boot, note, isLocal } of notes) {
    const checkpoint = readNote({ boot, note }, keys)
    if (!checkpoint) refused += 1
    // Somebody signed it; where no key was given to tell whom, the log is not what was anchored.
    if (checkpoint === false && !isLocal && keyTexts.length === 0) logOf(boot).isRolledBack = true
    if (!checkpoint || checkpoint.size === 0) continue
    const [log, { size, root }, by] = [logOf(boot), checkpoint, !isLocal && logOf(boot).isOwn ? 'anchored' : 'signed']
    if (size > log.entries.length || !same(rootOf(log, 0, size), root)) log.isRolledBack = true
    else log[by] = Math.max(log[by], size)
  }
  for (const log of logs.values()) if (log.isRolledBack) log.state = 'damaged'
  const tiesOf = ({ entries, header }, size) => {
    const seen = entries.slice(0, size).flatMap(({ type, fields }) => (type === 32 ? fields.get('previous') : []))
    return seen.map(tie => {
      const [log, frames] = [logOf(tie.get('boot_id')), tie.get('frames')]
      const [last, isOfKey] = [log.entries[frames - 1], log.header?.get('key_id') === header.get('key_id')]
      const [isSame, isOwn] = [same(last?.after, tie.get('chain')), log.isOwn && !log.isRolledBack]
      return { log, frames, rest: log.length - last?.end, isSame, isOwn, isOurs: isSame && isOwn && isOfKey }
    })
  }
  // What an anchored BOOT has of a log under its own key is anchored too: that boot had authenticated what it found.
  const vouching = [...logs.values()].filter(log => !log.isRolledBack)
  for (const by of vouching) {
    const more = tiesOf(by, by.anchored).filter(({ log, frames, isOurs }) => isOurs && frames > log.anchored)
    for (const { log, frames } of more) vouching.push(Object.assign(log, { anchored: frames }))
  }
  for (const { log, frames, rest, isSame, isOwn } of [...logs.values()].flatMap(log => tiesOf(log))) {
    const isEnd = isOwn && rest > 0 && rest <= 2_097_152 && frames >= Math.max(log.signed, log.anchored)
    if (!isSame) log.state = 'damaged'
    else if (isEnd) Object.assign(log, { state: 'torn', size: frames })
  }
  return { logs, refused }
}
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
const HEADER = {
  ...all('t', 'rec_id session instance_id boot_id policy_version catalog key_id'),
  ...{ v: 'n', created_wall_ms: 'n', dek_wrapped: 'b', value_check: 'b' },
  requester: { ...PERSON, 'actor?': PERSON, 'jti_hash?': 't' },
  target: { name: 't', dialect: 't', 'server?': 's' },
}
const ENDS = {
  16: { reason: 't', total_frames: 'n', total_bytes: 'n', chain: 'b' },
  14: { boot_id: 't', last_seq: 'n', last_chain: 'b', discarded_len: 'n', discarded_sha256: 'b', 'tail_entries?': 'n' },
}
function verdictOf(path, id, known, logs) {
  let [header, end, mark, frames, anchored, broken] = [null, 'open', null, 0, 0, null]
  const breakAt = seq => (broken ??= seq)
  const onHeader = bytes => (header = read(bytes, HEADER))
  const onFrame = ({ type, flags, body, before, after, offset }) => {
    frames += 1
    const head = known?.heads.get(frames)
    if (head !== undefined && !same(head, after)) breakAt(anchored)
    else if (known?.counting.has(frames)) anchored = frames
    if (flags % 2 === 0 && ENDS[type] === undefined) return
    mark = flags === 3 && ENDS[type] !== undefined ? read(body, ENDS[type]) : null
    const [n, chain] = type === 16 ? ['total_frames', 'chain'] : ['last_seq', 'last_chain']
    const isTrue = mark?.get(n) === (type === 16 ? frames : frames - 2) && same(mark.get(chain), before)
    if (!isTrue || (type === 16 && mark.get('total_bytes') !== offset)) breakAt(anchored)
    if (mark !== null) end = type === 16 ? 'closed' : 'recovered'
  }
  const { rest } = readFrames(path, 'DBREC1\0\0', onHeader, onFrame)
  if (header?.get('v') !== 1 || frames === 0 || header.get('rec_id') !== id) return { kind: 'TAMPERED', firstBadSeq: 0 }
  if (rest > 0 && end !== 'open') breakAt(frames)
  if (rest > 0 && end === 'open') end = 'torn'
  if (broken !== null) return { kind: 'TAMPERED', firstBadSeq: broken }
  const isEndWrong = known?.ended && (known.ended.kind !== end || known.ended.frames !== frames)
  if ((known?.last.frames ?? 0) > frames || isEndWrong) return { kind: 'TAMPERED', firstBadSeq: anchored }
  if (rest > 1_048_576 + 67_108_864) return { kind: 'TAMPERED', firstBadSeq: frames }
  const isVouchedFor = known?.ended?.isAnchored === true && !known.isDoubtful
  const isRolledBack = [header, mark].some(one => logs.get(one?.get('boot_id'))?.isRolledBack)
  if (isRolledBack && !isVouchedFor) return { kind: 'TAMPERED', firstBadSeq: anchored }
  if (end !== 'closed') return { kind: end === 'open' ? 'OPEN' : 'TORN', frames, anchoredFrames: anchored }
  return isVouchedFor ? { kind: 'COMPLETE', frames } : { kind: 'UNANCHORED', frames, since: anchored }
}
/** The verdict on all of a directory. `anchors`: folders that keep checkpoints. `keys`: verifier keys; else those logs name. */
export function verifyDirectory(dir, { anchors = [], keys = [] } = {}) {
  const { logs, refused } = readLogs(dir, anchors, keys)
  const known = joinLogs(logs, anchors.length > 0)
  const recordings = filesIn(dir, /\.dbrec$/).map(({ path }) => {
    const recording = basename(path, '.dbrec')
    return { recording, file: path, verdict: verdictOf(path, recording, known.get(recording), logs) }
  })
  for (const [recording, { last, retired }] of known) {
    if (recordings.some(one => one.recording === recording)) continue
    const isRetired = retired?.frames === last.frames && same(retired.chain, last.chain)
    recordings.push({ recording, file: null, verdict: { kind: 'MISSING', lastFrames: last.frames, isRetired } })
  }
  const states = [...logs].map(([boot, { state, anchored, isRolledBack }]) => ({ boot, state, anchored, isRolledBack }))
  return { recordings, logs: states, refused }
}
function main() {
  const list = { type: 'string', multiple: true, default: [] }
  const options = { anchor: list, key: list, json: { type: 'boolean' } }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const isMisuse = positionals.length !== 1 || !values.key.every(readKey)
  if (isMisuse) process.stderr.write('usage: verify.mjs DIR [--anchor FOLDER]... [--key VERIFIER_KEY]... [--json]\n')
  if (isMisuse) return 2
  const found = verifyDirectory(positionals[0], { anchors: values.anchor, keys: values.key })
  const parts = [...found.recordings, ...found.logs, { refused: found.refused }]
  const text = values.json ? JSON.stringify(found, null, 2) : parts.map(one => JSON.stringify(one)).join('\n')
  process.stdout.write(`${text}\n`)
  const isBad = ({ verdict, state, refused }) =>
    verdict ? verdict.kind !== 'COMPLETE' && !verdict.isRetired : state === 'damaged' || refused > 0
  return parts.some(isBad) ? 1 : 0
}
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main()
