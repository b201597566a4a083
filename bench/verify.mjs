// How fast recordings are verified, beside SHA-256 over the same file, which no chain of hashes can be faster than, and
// beside reading it. Recordings of one size, in frames of several: blocks and rows are long ones, entries of their own short ones. Rounds
// are interleaved, so that what else the machine does hits all alike; figures are medians.
// Run `pnpm build`, then `node bench/verify.mjs`.
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { verifyRecording } from '@querywarden/recording'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7)
const MEGABYTES = Number(process.env.BENCH_MB ?? 128)

/** A recording that anybody can make, whose tags are noise: without a key only the chain is checked. */
function makeRecording(file, bodyBytes) {
  const vectors = fileURLToPath(new URL('../packages/recording/vectors/whole/recordings/', import.meta.url))
  const boot = '0197a000-0000-7000-8000-000000000001'
  const sample = readFileSync(join(vectors, boot, '0197a000-0000-7000-8000-000000000002.dbrec'))
  const header = sample.subarray(0, 12 + sample.readUInt32BE(8))
  const body = randomBytes(bodyBytes)
  const frames = Math.ceil((MEGABYTES * 1e6) / (bodyBytes + 46))
  const bytes = Buffer.alloc(header.length + frames * (bodyBytes + 46))
  let at = header.copy(bytes)
  for (let seq = 0; seq < frames; seq++) {
    bytes.writeUInt32BE(bodyBytes + 42, at)
    bytes[at + 4] = 11
    bytes.writeBigUInt64BE(BigInt(seq), at + 6)
    bytes.writeBigUInt64BE(BigInt(seq) * 1000n, at + 14)
    bytes.writeBigInt64BE(1_750_000_000_000_000n + BigInt(seq), at + 22)
    body.copy(bytes, at + 30)
    at += bodyBytes + 46
  }
  writeFileSync(file, bytes)
}

async function sha256(file) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

function cat(file) {
  const fd = openSync(file, 'r')
  const buffer = Buffer.allocUnsafe(1 << 20)
  while (readSync(fd, buffer, 0, buffer.length, null) > 0);
  closeSync(fd)
}

async function verify(file) {
  const source = createReadStream(file, { highWaterMark: 1 << 20 })
  const verdict = await verifyRecording({ recording: null, source, log: null, keys: null })
  if (verdict.kind !== 'OPEN') throw new Error(`a sound recording is ${verdict.kind}`)
}

const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

async function measure(file) {
  const size = statSync(file).size
  const speeds = { verify: [], sha256: [], cat: [] }
  const cpu = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries({ verify, sha256, cat })) {
      const before = process.cpuUsage()
      const start = process.hrtime.bigint()
      await run(file)
      speeds[name].push(size / 1e6 / (Number(process.hrtime.bigint() - start) / 1e9))
      const used = process.cpuUsage(before)
      if (name === 'verify') cpu.push(size / (used.user + used.system))
    }
  }
  return { ...Object.fromEntries(Object.entries(speeds).map(([name, all]) => [name, median(all)])), cpu: median(cpu) }
}

const dir = mkdtempSync(join(tmpdir(), 'bench-verify-'))
try {
  console.log(`${MEGABYTES} MB a recording, median of ${ROUNDS} rounds`)
  console.log('frame bytes   verify MB/s   per CPU s   sha256 MB/s   ratio   cat MB/s   ratio')
  for (const bodyBytes of [65_000, 16_384, 1_000, 300]) {
    const file = join(dir, `${bodyBytes}.dbrec`)
    makeRecording(file, bodyBytes)
    const { verify, sha256, cat, cpu } = await measure(file)
    const cells = [bodyBytes + 46, verify.toFixed(0), cpu.toFixed(0), sha256.toFixed(0), (verify / sha256).toFixed(2)]
    cells.push(cat.toFixed(0), (verify / cat).toFixed(2))
    console.log(cells.map((cell, i) => String(cell).padStart([11, 13, 11, 13, 7, 10, 7][i])).join(' '))
    rmSync(file)
  }
} finally {
  rmSync(dir, { recursive: true })
}
