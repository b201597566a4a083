// What recording costs, in one run: statements (an intent and an outcome each) through the file recorder, beside writing
// the same bytes plainly and beside JSON lines of the same facts by pino; what a statement waits in each tier; how many bytes it
// takes; and rows beside a plain write of them. Rounds are interleaved, so that what else the machine does hits all
// alike. CPU is that of all threads, syncs and sealing included, less that of a loop that does nothing.
//
//   npm run bench -- recording      [ROUNDS=300] [BENCH_DIR=…]
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileRecorder } from '@querywarden/recording'
import { pino } from 'pino'

const ROUNDS = Number(process.env.ROUNDS ?? 300)
/** In a round: about what a gateway at its limit is asked for in the window of a group commit. */
const STATEMENTS = 100
const WINDOW_MS = 4
const WAITED_STATEMENTS = 2_000
const ROWS_ROUNDS = 6
const ROWS_BYTES = 32 * 1024 * 1024
/** What a proxy hands over at a time. */
const ROWS_CHUNK_BYTES = 65_536

const opening = session => ({
  session,
  principal: {
    issuer: 'https://idp.example.com',
    subject: 'bench',
    groups: ['ai-agents'],
    actor: null,
    expiresAt: 2e12,
    credentialDigest: null,
  },
  target: { name: 'app', dialect: 'postgres' },
  policyVersion: 'p1',
  catalogFingerprint: 'f1',
  client: {},
})
const text = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1'
/** What every run of a judged statement shares, by identity. */
const account = {
  text,
  canonical: text,
  tag: 'SELECT',
  effects: ['read'],
  relations: ['public.pgbench_accounts'],
  functions: [],
  decision: 'allow',
  reasons: [
    { use: 'select on public.pgbench_accounts', answer: 'allow', rules: ['agents-read'], place: { start: 0, end: 6 } },
  ],
  obligations: { masks: [], detect: [], limits: { rowsMax: 10_000, bytesMax: 50_000_000, timeMsMax: 30_000 } },
}
let numbers = 0
const intentOf = params => ({ kind: 'intent', statement: ++numbers, ...account, params, approval: null })
const outcome = () => ({
  kind: 'completion',
  statement: numbers,
  completion: { kind: 'done', tag: 'SELECT 1', rows: 1, bytes: 23, ms: 0.1234 + numbers / 977 },
})
const one = () => intentOf([{ typeOid: 23, format: 'text', value: String((numbers * 7919) % 100_000) }])
/** Another literal each time, under the judgement that such statements share. */
const literal = () => {
  const entry = intentOf([])
  const own = `${text.slice(0, -2)}${entry.statement}`
  return { ...entry, text: own, canonical: own }
}
/** A text and a judgement of its own: nothing to share. */
const fresh = () => {
  const entry = intentOf([])
  const own = `SELECT abalance AS a${entry.statement} FROM pgbench_accounts WHERE aid = 1`
  return { ...entry, text: own, canonical: own, reasons: [...account.reasons] }
}
const CASES = {
  'read, no parameter': () => intentOf([]),
  'read, one parameter': one,
  'read, new literal each time': literal,
  'read, new text each time': fresh,
}

const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'bench-recording-'))
let ids = 0
const open = (name, durability) =>
  fileRecorder({
    dir: join(dir, name),
    kek: Buffer.alloc(32, 7),
    durability,
    parameters: 'digests',
    quotaBytes: 2 ** 40,
    freeBytesMin: 0,
    clock: { now: Date.now, monotonic: () => performance.now() },
    sleep: ms => wait(ms, undefined, { ref: false }),
    randomBytes,
    newId: () => `${Date.now().toString(16)}-${String(ids++).padStart(6, '0')}`,
    instance: 'bench',
  })
const sorted = values => [...values].sort((a, b) => a - b)
const at = (values, share) => sorted(values)[Math.floor(values.length * share)]
const short = (value, digits = 3) => Number(value.toPrecision(digits))

const recorders = { standard: await open('standard', 'standard'), strict: await open('strict', 'strict') }
const bytesOf = await bytesAStatement()
const PLAIN_BYTES = Math.round(bytesOf['read, one parameter'])
await statements()
await waits()
await rows()
for (const recorder of Object.values(recorders)) await recorder.close()
rmSync(dir, { recursive: true })

/** The size of a recording, divided; what the tail has of it for a second comes again. */
async function bytesAStatement() {
  const sizes = {}
  for (const [name, make] of Object.entries(CASES)) {
    const recorder = await open(`sizes-${name.replaceAll(/\W+/g, '-')}`, 'standard')
    const session = await recorder.record(opening(name))
    for (let i = 0; i < 4_000; i++) {
      await session.append(make())
      await session.append(outcome())
    }
    await session.close('client-terminated')
    await recorder.close()
    const folder = join(dir, `sizes-${name.replaceAll(/\W+/g, '-')}`, recorder.boot)
    const [file] = readdirSync(folder).filter(file => file.endsWith('.dbrec'))
    sizes[name] = statSync(join(folder, file)).size / 4_000
  }
  return sizes
}

/** CPU of an event, with all that comes of it later. */
async function statements() {
  const sessions = {}
  for (const name of Object.keys(CASES)) sessions[name] = await recorders.standard.record(opening(name))
  const record = name => () => {
    for (let i = 0; i < STATEMENTS; i++) {
      void sessions[name].append(CASES[name]())
      void sessions[name].append(outcome())
    }
  }
  const plain = await openFile(join(dir, 'plain'), 'w')
  const bytes = randomBytes(PLAIN_BYTES)
  const lines = (file, how) => {
    const log = pino({ base: null }, pino.destination({ dest: join(dir, file), ...how }))
    return () => {
      for (let i = 0; i < STATEMENTS; i++) {
        log.info(one())
        log.info(outcome())
      }
    }
  }
  const contestants = {
    nothing: () => undefined,
    'plain fs.write, one a statement': () => {
      for (let i = 0; i < STATEMENTS; i++) void plain.write(bytes)
    },
    'plain fs.write, one a round': () => void plain.write(Buffer.concat(Array(STATEMENTS).fill(bytes))),
    'pino, a line at a time': lines('lines', { sync: true }),
    'pino, 4 KiB at a time': lines('batches', { sync: false, minLength: 4_096 }),
    ...Object.fromEntries(Object.keys(CASES).map(name => [name, record(name)])),
  }
  const names = Object.keys(contestants)
  const used = Object.fromEntries(names.map(name => [name, []]))
  for (let round = -20; round < ROUNDS; round++) {
    for (const name of names) {
      const before = process.cpuUsage()
      contestants[name]()
      // The group commit of what was recorded, and in turn the sealing of blocks, fall in here.
      await wait(WINDOW_MS)
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) used[name].push(user + system)
    }
  }
  report(used)
  for (const session of Object.values(sessions)) await session.close('client-terminated')
  await plain.close()
}

/** CPU by contestant and round. */
function report(used) {
  // A mean: what is done once a second belongs to it. The noisiest rounds of each are left out alike.
  const mean = name => {
    const kept = sorted(used[name]).slice(0, Math.ceil(ROUNDS * 0.98))
    return kept.reduce((sum, one) => sum + one, 0) / kept.length
  }
  const idle = mean('nothing')
  const eventUs = name => (mean(name) - idle) / STATEMENTS / 2
  // What is left where nothing else was on the machine: without what comes once a second.
  const fastest = name => (at(used[name], 0.1) - at(used.nothing, 0.1)) / STATEMENTS / 2
  const typical = name => (at(used[name], 0.5) - at(used.nothing, 0.5)) / STATEMENTS / 2
  console.table(
    Object.keys(used)
      .slice(1)
      .map(name => ({
        [`${STATEMENTS} statements a round`]: name,
        'µs CPU an event': short(eventUs(name)),
        'fastest tenth': short(fastest(name)),
        'events/s a core': Math.round(1e6 / eventUs(name)),
        'MB/s a core': short((bytesOf[name] ?? PLAIN_BYTES) / 2 / eventUs(name), 2),
        'pino’s line ÷ this': short(typical('pino, a line at a time') / typical(name), 2),
        'this ÷ plain, one a statement': short(typical(name) / typical('plain fs.write, one a statement'), 2),
        'bytes a statement': Math.round(bytesOf[name] ?? (name.startsWith('plain') ? PLAIN_BYTES : Number.NaN)) || '-',
      })),
  )
}

/** What a client waits: one statement after the other, in one session. */
async function waits() {
  const table = []
  for (const [tier, recorder] of Object.entries(recorders)) {
    for (const [what, change] of [
      ['reads', {}],
      ['changes', { effects: ['read', 'write'], tag: 'UPDATE' }],
    ]) {
      const session = await recorder.record(opening(`${tier} ${what}`))
      const times = []
      for (let i = 0; i < WAITED_STATEMENTS; i++) {
        const startedAt = performance.now()
        await session.append({ ...one(), ...change })
        await session.append(outcome())
        times.push((performance.now() - startedAt) * 1_000)
        // As between statements: the loop turns.
        if (i % 8 === 0) await wait(1)
      }
      await session.close('client-terminated')
      table.push({
        tier,
        statements: what,
        'added p50, µs': short(at(times, 0.5)),
        'added p99, µs': short(at(times, 0.99)),
      })
    }
  }
  console.table(table)
}

/** Rows in chunks, durable at the end, beside the same bytes written plainly to a file, durable at the end. */
async function rows() {
  const chunk = Buffer.alloc(ROWS_CHUNK_BYTES)
  const row = 1_024
  for (let from = 0; from < chunk.length; from += row) {
    randomBytes(row - 5).copy(chunk, from + 5)
    chunk.write('D', from, 'latin1')
    chunk.writeUInt32BE(row - 1, from + 1)
  }
  const entry = first => ({ kind: 'rows', statement: 1, first, rows: chunk.length / row, columns: null, frames: chunk })
  const record = (recorder, keep) => async () => {
    const session = await recorder.record(opening('rows'))
    const startedAt = performance.now()
    for (let sent = 0; sent < ROWS_BYTES; sent += chunk.length) await session.append({ ...entry(sent / row), keep })
    await session.append({ kind: 'cancel-requested', statement: 1 })
    const took = performance.now() - startedAt
    await session.close('client-terminated')
    return took
  }
  const plainly = syncBytes => async () => {
    const file = await openFile(join(dir, 'plain-rows'), 'w')
    const startedAt = performance.now()
    for (let sent = 0; sent < ROWS_BYTES; sent += chunk.length) {
      await file.write(chunk)
      if ((sent + chunk.length) % syncBytes === 0) await file.datasync()
    }
    await file.datasync()
    const took = performance.now() - startedAt
    await file.close()
    return took
  }
  const contestants = {
    'plain fs.write, one fdatasync at the end': plainly(Number.POSITIVE_INFINITY),
    'plain fs.write, one fdatasync a mebibyte': plainly(1_048_576),
    'recorded, standard': record(recorders.standard, 'frames'),
    'recorded, strict': record(recorders.strict, 'frames'),
    'recorded as digests': record(recorders.standard, 'digest'),
  }
  const times = Object.fromEntries(Object.keys(contestants).map(name => [name, []]))
  const cpus = Object.fromEntries(Object.keys(contestants).map(name => [name, []]))
  for (let round = -1; round < ROWS_ROUNDS; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const before = process.cpuUsage()
      const took = await run()
      const { user, system } = process.cpuUsage(before)
      if (round < 0) continue
      times[name].push(took)
      cpus[name].push((user + system) / 1_000)
    }
  }
  const speed = name => ROWS_BYTES / 1e3 / at(times[name], 0.5)
  console.table(
    Object.keys(contestants).map(name => ({
      rows: name,
      'MB/s': Math.round(speed(name)),
      '÷ plain': short(speed(name) / speed('plain fs.write, one fdatasync at the end'), 2),
      '÷ plain with syncs': short(speed(name) / speed('plain fs.write, one fdatasync a mebibyte'), 2),
      'ms CPU a MB': short(at(cpus[name], 0.5) / (ROWS_BYTES / 1e6), 2),
    })),
  )
}
