// Masking DataRow messages in 64 KiB chunks: 2 of 8 columns, against memcpy (the ceiling) and against decoding every row to
// strings and encoding it again (what is usually done); and all detectors over ordinary table data, against one regular
// expression a detector and field, and against a pass that only looks up the class of each byte.
//
//   npm run bench -- masking           [ROUNDS=101]
//
// Prints ratios of median processor times of what takes turns: machines differ, ratios less so.
import { readFileSync } from 'node:fs'
import { columnActions, dataRowMasker, masking, OutputBuffer, RowKernel } from '@querywarden/masking'
import { DETECTORS } from '@querywarden/policy-core'
import wabt from 'wabt'
import { medians } from './parts/interleaved.mjs'
import {
  CHUNK_BYTES,
  decodedRows,
  EXPRESSIONS,
  evenChunk,
  hashKey,
  naiveMasker,
  ordinaryChunk,
  textColumns,
} from './parts/masking-chunks.mjs'

const rounds = Number(process.env.ROUNDS ?? 101)
const WARM_UP_MS = 150
/** Calls a turn, of what takes microseconds: what is counted is counted in microseconds, too. */
const TIMES = 16
const REDACT = { kind: 'redact' }
const SCENARIOS = [
  { name: 'redact, redact', masks: [REDACT, REDACT] },
  { name: 'redact, partial', masks: [REDACT, { kind: 'partial', first: 0, last: 4, fill: '*' }] },
  { name: 'email, hash', masks: [{ kind: 'email' }, { kind: 'hash', key: null }] },
]
const COLUMNS_MASKED = [2, 5]

/**
 * 300 MB/s on a machine where the pass that only looks up classes does 972 MB/s of fields. It runs in WebAssembly, too, and
 * copies the chunk in, as the kernel does; it decides nothing and calls nobody back, so no detector can reach it.
 */
const TO_PASS_MIN = 0.31

const round = ratio => Number(ratio.toPrecision(2))
const isMet = (ratio, target) => (ratio >= target ? 'met' : `missed (${target})`)

function compareMasks(rowBytes, { name, masks }) {
  const columns = textColumns(8)
  const chunk = evenChunk(rowBytes)
  const masked = new Map(COLUMNS_MASKED.map((index, nth) => [index, masks[nth]]))
  const actions = columnActions(columns, {
    masks: [...masked].map(([index, mask]) => ({ kind: 'index', index, mask })),
    detect: [],
    unknownOrigin: 'null',
    hashKey,
  })
  const copied = new Uint8Array(2 * CHUNK_BYTES)
  const target = new OutputBuffer({ bytesInitial: 4 * CHUNK_BYTES, bytesMax: 8 * CHUNK_BYTES })
  const kernel = new RowKernel().masker(actions)
  const plain = dataRowMasker(actions)
  const naive = naiveMasker(masked, columns)
  const runPlain = () => {
    target.clear()
    plain.mask(chunk, 0, chunk.length, target)
  }

  runPlain()
  const expected = naive(chunk)
  if (!expected.equals(target.bytes.subarray(0, target.length))) throw new Error(`${name}: the plain code differs`)
  if (!expected.equals(kernel.mask(chunk, 0, chunk.length))) throw new Error(`${name}: the kernel differs`)

  const us = medians(
    {
      memcpy: { run: () => copied.set(chunk), times: 16 * TIMES },
      kernel: { run: () => kernel.mask(chunk, 0, chunk.length), times: TIMES },
      kept: { run: () => copied.set(kernel.mask(chunk, 0, chunk.length)), times: TIMES },
      plain: { run: runPlain, times: TIMES },
      naive: { run: () => naive(chunk) },
    },
    { rounds: name === 'email, hash' ? rounds >> 2 : rounds, warmUpMs: WARM_UP_MS },
  )
  const toMemcpy = us.memcpy / us.kernel
  const toNaive = us.naive / us.kernel
  const isTargeted = rowBytes !== 100 && name === 'redact, redact'
  return {
    'row bytes': rowBytes,
    masks: name,
    'kernel × memcpy': round(toMemcpy),
    'copied out': round(us.memcpy / us.kept),
    'plain code': round(us.memcpy / us.plain),
    'kernel × naive': round(toNaive),
    target: !isTargeted
      ? ''
      : rowBytes === 180
        ? `${isMet(toMemcpy, 0.12)}, ${isMet(toNaive, 100)}`
        : isMet(toMemcpy, 0.35),
  }
}

async function compareDetectors() {
  const chunk = ordinaryChunk()
  const columns = textColumns([...decodedRows(chunk)][0].length)
  const fields = [...decodedRows(chunk)].flat()
  const fieldBytes = fields.reduce((sum, field) => sum + Buffer.byteLength(field), 0)
  const detect = DETECTORS.map(detector => ({ detector, mask: REDACT }))
  const frames = masking({ hashKey }).frames({ detect }, columns)
  const rows = masking({ hashKey }).rows({ detect }, columns)
  const expressions = DETECTORS.map(detector => EXPRESSIONS[detector])
  const pass = await byteClassPass(chunk)

  if (frames(chunk, 0, chunk.length) !== chunk) throw new Error('something was found in ordinary data')
  let found = 0
  const us = medians(
    {
      pass: { run: pass, times: TIMES },
      frames: { run: () => frames(chunk, 0, chunk.length), times: TIMES },
      rows: { run: () => [...decodedRows(chunk)].forEach(rows) },
      expressions: {
        run: () => {
          for (const cells of decodedRows(chunk))
            for (const cell of cells) for (const expression of expressions) if (expression.test(cell)) found++
        },
      },
    },
    { rounds, warmUpMs: WARM_UP_MS },
  )
  console.log(
    `\nall ${DETECTORS.length} detectors over ${fields.length} fields of ${(fieldBytes / fields.length).toFixed(0)} bytes on average` +
      ` (the expressions said yes ${found > 0 ? 'now and then' : 'never'})`,
  )
  const toExpressions = us.expressions / us.frames
  const toPass = us.pass / us.frames
  console.table([
    { way: 'byte classes alone', '× expressions': round(us.expressions / us.pass), '× byte classes': 1, target: '' },
    {
      way: 'frames, by the kernel',
      '× expressions': round(toExpressions),
      '× byte classes': round(toPass),
      target: `${isMet(toExpressions, 4)}, ${isMet(toPass, TO_PASS_MIN)}`,
    },
    {
      way: 'decoded, cell by cell',
      '× expressions': round(us.expressions / us.rows),
      '× byte classes': round(us.pass / us.rows),
      target: '',
    },
  ])
  if (process.env.SHOW_TIMES) console.log(us, `${(fieldBytes / us.frames).toFixed(0)} MB/s of fields`)
}

/** Copies the chunk in and looks up the classes of each field's bytes. */
async function byteClassPass(chunk) {
  const text = readFileSync(new URL('parts/byte-class-pass.wat', import.meta.url), 'utf8')
  const module = (await wabt()).parseWat('byte-class-pass.wat', text)
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.toBinary({}).buffer))
  const memory = new Uint8Array(exports.memory.buffer)
  const classOf = byte =>
    byte >= 0x30 && byte <= 0x39 ? 1 : ' -.()'.includes(String.fromCharCode(byte)) ? 2 : byte === 0x40 ? 4 : 0
  for (let byte = 0; byte < 256; byte++) memory[byte] = classOf(byte)
  const start = 1_024
  return () => {
    memory.set(chunk, start)
    exports.run(start, start + chunk.length, 4 * CHUNK_BYTES)
  }
}

console.log(`2 of 8 columns in chunks of ${CHUNK_BYTES >> 10} KiB`)
console.table([100, 180, 2000].flatMap(rowBytes => SCENARIOS.map(scenario => compareMasks(rowBytes, scenario))))
await compareDetectors()
