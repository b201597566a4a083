// Masking 2 of 8 columns of DataRow messages in 64 KiB chunks, against memcpy (the ceiling) and against masking by
// decoding every row to strings and encoding it again (what is usually done).
// Run `pnpm build`, then `node bench/masking.mjs`. Prints ratios only: machines differ, ratios less so.
import { columnActions, dataRowMasker, maskValue, OutputBuffer } from '@querywarden/masking'

const CHUNK_BYTES = 64 * 1024
const COLUMNS = 8
const ROUNDS = 31
const ROUND_MS = 12
const TEXT_OID = 25
const hashKey = () => Buffer.alloc(32, 7)

const column = attnum => ({
  name: `c${attnum}`,
  tableOid: 20_000,
  attnum,
  typeOid: TEXT_OID,
  typmod: -1,
  format: 'text',
})
const columns = Array.from({ length: COLUMNS }, (_, index) => column(index + 1))

const LAST_4 = { kind: 'partial', first: 0, last: 4, fill: '*' }
const SCENARIOS = [
  {
    name: 'redact + redact',
    masks: new Map([
      [2, { kind: 'redact' }],
      [5, { kind: 'redact' }],
    ]),
    detect: [],
  },
  {
    name: 'redact + partial',
    masks: new Map([
      [2, { kind: 'redact' }],
      [5, LAST_4],
    ]),
    detect: [],
  },
  {
    name: 'email + hash',
    masks: new Map([
      [2, { kind: 'email' }],
      [5, { kind: 'hash', key: null }],
    ]),
    detect: [],
  },
  {
    name: 'detect in all 8',
    masks: new Map(),
    detect: [
      { detector: 'credit-card', mask: LAST_4 },
      { detector: 'us-ssn', mask: { kind: 'redact' } },
      { detector: 'email', mask: { kind: 'email' } },
    ],
  },
]

/** A chunk of whole rows of about that many bytes; one row in 50 holds a card number. */
function chunkOf(rowBytes) {
  const cellBytes = Math.floor((rowBytes - 7) / COLUMNS) - 4
  const rows = []
  for (let row = 0; (row + 1) * rowBytes <= CHUNK_BYTES; row++) {
    const cells = columns.map((_, index) => {
      const text = index === 3 && row % 50 === 0 ? ' 4111111111111111 ' : `${row}-${index} lorem ipsum dolor sit amet `
      return text.repeat(Math.ceil(cellBytes / text.length)).slice(0, index === 3 ? Math.max(cellBytes, 18) : cellBytes)
    })
    rows.push(encodeRow(cells))
  }
  return Buffer.concat(rows)
}

function encodeRow(cells) {
  const parts = [Buffer.alloc(7)]
  for (const cell of cells) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(cell === null ? -1 : Buffer.byteLength(cell))
    parts.push(length, Buffer.from(cell ?? ''))
  }
  const row = Buffer.concat(parts)
  row[0] = 0x44
  row.writeInt32BE(row.length - 1, 1)
  row.writeInt16BE(cells.length, 5)
  return row
}

/** Decodes every row to strings, masks, encodes. */
function naiveMasker({ masks, detect }) {
  const cellMasks = columns.map((each, index) => {
    const mask = masks.get(index)
    return mask === undefined ? null : maskValue(mask, each, hashKey)
  })
  const maskRow = detect.length === 0 ? null : detectors(detect)
  return chunk => {
    const rows = []
    for (let at = 0; at < chunk.length; ) {
      const end = at + 1 + chunk.readInt32BE(at + 1)
      const cells = []
      for (let cell = at + 7; cell < end; ) {
        const length = chunk.readInt32BE(cell)
        cells.push(length < 0 ? null : chunk.toString('utf8', cell + 4, cell + 4 + length))
        cell += 4 + Math.max(length, 0)
      }
      maskRow?.(cells)
      rows.push(encodeRow(cells.map((cell, index) => (cellMasks[index] === null ? cell : cellMasks[index](cell)))))
      at = end
    }
    return Buffer.concat(rows)
  }
}

/** One expression a detector over every cell. */
function detectors(detect) {
  const EXPRESSIONS = {
    'credit-card': /\b\d(?:[ -]?\d){12,18}\b/g,
    'us-ssn': /\b\d{3}-\d{2}-\d{4}\b/g,
    email: /[^\s@]+@[^\s@]+\.[a-z]{2,}/gi,
  }
  const pairs = detect.map(({ detector, mask }) => [EXPRESSIONS[detector], maskValue(mask, columns[0], hashKey)])
  return cells => {
    for (let index = 0; index < cells.length; index++) {
      for (const [expression, mask] of pairs) cells[index] = cells[index].replace(expression, found => mask(found))
    }
  }
}

function compare(rowBytes, scenario) {
  const chunk = chunkOf(rowBytes)
  const target = new OutputBuffer({ bytesInitial: 2 * CHUNK_BYTES, bytesMax: 8 * CHUNK_BYTES })
  const copied = new Uint8Array(chunk.length)
  const masks = [...scenario.masks].map(([index, mask]) => ({ kind: 'index', index, mask }))
  const masker = dataRowMasker(
    columnActions(columns, { masks, detect: scenario.detect, unknownOrigin: 'null', hashKey }),
  )
  const naive = naiveMasker(scenario)
  const ours = () => {
    target.clear()
    masker.mask(chunk, 0, chunk.length, target)
  }

  ours()
  if (!naive(chunk).equals(target.bytes.subarray(0, target.length))) throw new Error(`${scenario.name}: the two differ`)

  const runs = { memcpy: () => copied.set(chunk), ours, naive: () => naive(chunk) }
  for (const run of Object.values(runs)) perSecond(run, 50)
  const toMemcpy = []
  const toNaive = []
  for (let round = 0; round < ROUNDS; round++) {
    const speed = Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, perSecond(run, ROUND_MS)]))
    toMemcpy.push(speed.ours / speed.memcpy)
    toNaive.push(speed.ours / speed.naive)
  }
  return { 'row bytes': rowBytes, masks: scenario.name, '× memcpy': median(toMemcpy), '× naive': median(toNaive) }
}

function perSecond(run, ms) {
  let count = 0
  const start = performance.now()
  let now = start
  while (now - start < ms) {
    run()
    count++
    now = performance.now()
  }
  return count / (now - start)
}

const median = values => Number([...values].sort((a, b) => a - b)[values.length >> 1].toPrecision(2))

console.table([100, 180, 2000].flatMap(rowBytes => SCENARIOS.map(scenario => compare(rowBytes, scenario))))
