// What recording costs a statement: an intent and an outcome through the file recorder, beside writing the same number of
// bytes with writeSync, which is as cheap as telling the kernel can be, and beside the strict tier, where each waits
// for the disk. Rounds are interleaved, so that what else the machine does hits all alike; figures are medians.
// Run `pnpm build`, then `node bench/recording.mjs`.
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileRecorder } from '@querywarden/recording'

const ROUNDS = 300
/** About what one client of a fast database asks for in the window of a group commit. */
const STATEMENTS = 25
const STRICT_STATEMENTS = 2
const WINDOW_MS = 4

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
const parameter = () => [{ typeOid: 23, format: 'text', value: String((numbers * 7919) % 100_000) }]
/** A text of its own and a judgement of its own: nothing to repeat. */
const fresh = () => ({
  ...intentOf([]),
  text: `${text.slice(0, -2)}${numbers}`,
  canonical: `${text.slice(0, -2)}${numbers}`,
  reasons: [...account.reasons],
})

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
    newId: () => `${Date.now().toString(16)}-${ids++}`,
    instance: 'bench',
  })

const standard = await open('standard', 'standard')
const strict = await open('strict', 'strict')
const sessions = {
  repeated: await standard.record(opening('repeated')),
  parameter: await standard.record(opening('parameter')),
  fresh: await standard.record(opening('fresh')),
  strict: await strict.record(opening('strict')),
}

// The bytes that a repeated read with one parameter and its outcome take, written as they are.
const plain = randomBytes(260)
const plainFile = openSync(join(dir, 'plain'), 'w')

/** Everything within one turn of the event loop: what the session's path pays. */
function atOnce(session, entry) {
  for (let i = 0; i < STATEMENTS; i++) {
    void session.append(entry())
    void session.append(outcome())
  }
}
const contestants = {
  'plain writeSync': () => {
    for (let i = 0; i < STATEMENTS; i++) writeSync(plainFile, plain)
  },
  'read, no parameter': () => atOnce(sessions.repeated, () => intentOf([])),
  'read, one parameter': () => atOnce(sessions.parameter, () => intentOf(parameter())),
  'read, new text each time': () => atOnce(sessions.fresh, fresh),
}

const times = Object.fromEntries([...Object.keys(contestants), 'strict tier, waiting'].map(name => [name, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(contestants)) {
    const startedAt = performance.now()
    run()
    times[name].push(((performance.now() - startedAt) * 1_000) / STATEMENTS)
    // The group commit of what was recorded, and the sealing of blocks, fall in here.
    await wait(WINDOW_MS)
  }
  if (round % 10 > 0) continue
  const startedAt = performance.now()
  for (let i = 0; i < STRICT_STATEMENTS; i++) {
    await sessions.strict.append(intentOf(parameter()))
    await sessions.strict.append(outcome())
  }
  times['strict tier, waiting'].push(((performance.now() - startedAt) * 1_000) / STRICT_STATEMENTS)
}

/** CPU of the whole process, all threads: syncs and sealing included, an idle loop of the same shape taken off. */
async function cpuPerStatement(session) {
  const loop = async statements => {
    const before = process.cpuUsage()
    for (let round = 0; round < ROUNDS; round++) {
      if (statements) atOnce(session, () => intentOf(parameter()))
      await wait(WINDOW_MS)
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / ROUNDS / STATEMENTS
  }
  const idle = await loop(false)
  return (await loop(true)) - idle
}
const cpu = await cpuPerStatement(sessions.parameter)

for (const session of Object.values(sessions)) await session.close('client-terminated')
await standard.close()
await strict.close()
closeSync(plainFile)

const sorted = values => [...values].sort((a, b) => a - b)
const at = (values, share) => sorted(values)[Math.floor(values.length * share)]
const floor = at(times['plain writeSync'], 0.5)
console.table(
  Object.entries(times).map(([name, values]) => ({
    'a statement and its outcome': name,
    'µs median': Number(at(values, 0.5).toPrecision(3)),
    'µs fastest tenth': Number(at(values, 0.1).toPrecision(3)),
    '× plain writeSync': Number((at(values, 0.5) / floor).toPrecision(2)),
  })),
)
const sizeOf = name => {
  const [boot] = readdirSync(join(dir, name), { withFileTypes: true }).filter(entry => entry.isDirectory())
  const folder = join(dir, name, boot.name)
  return readdirSync(folder)
    .filter(file => file.endsWith('.dbrec'))
    .map(file => statSync(join(folder, file)).size)
}
console.log(`CPU of all threads, syncs and sealing included: ${cpu.toPrecision(3)} µs a read with one parameter`)
console.log(
  `recordings: ${sizeOf('standard')
    .map(bytes => `${(bytes / 1024).toFixed(0)} KiB`)
    .join(', ')} (no parameter, one, new texts)`,
)
rmSync(dir, { recursive: true })
