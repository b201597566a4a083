// Chunks of DataRow frames for the benchmarks of masking, and what masking costs who decodes them.
import { maskValue } from '@querywarden/masking'

export const CHUNK_BYTES = 64 * 1024
const TEXT_OID = 25
export const hashKey = () => Buffer.alloc(32, 7)

export const textColumns = count =>
  Array.from({ length: count }, (_, index) => ({
    name: `c${index}`,
    tableOid: 20_000,
    attnum: index + 1,
    typeOid: TEXT_OID,
    typmod: -1,
    format: 'text',
  }))

/** Whole rows of 8 text columns, each row of about that many bytes. */
export function evenChunk(rowBytes) {
  const cellBytes = Math.floor((rowBytes - 7) / 8) - 4
  return chunkOf(row =>
    textColumns(8).map((_, index) => {
      const text = `${row}-${index} lorem ipsum dolor sit amet `
      return text.repeat(Math.ceil(cellBytes / text.length)).slice(0, cellBytes)
    }),
  )
}

const NAMES = ['Quentin Ashford', 'Maria Lindqvist', 'Jo Park', 'Ana Maria Gomez', 'Thomas Fielding-Brown']
const CITIES = ['Amsterdam', 'Springfield', 'São Paulo', 'New York', 'Köln']
const STATES = ['open', 'shipped', 'returned', 'awaiting payment']
const NOTES = ['please deliver before noon', 'left with neighbour', 'n/a', 'second attempt, rang twice, no answer']
const hex = (seed, digits) => ((seed * 2_654_435_761) >>> 0).toString(16).padStart(digits, '0').slice(-digits)

/** What tables usually hold: numbers, names, times, amounts, words; nothing that a detector finds. */
export const ORDINARY = [
  row => String(100_000 + row),
  row => NAMES[row % NAMES.length],
  row => CITIES[row % CITIES.length],
  row => STATES[row % STATES.length],
  row => `2024-0${1 + (row % 9)}-1${row % 10} 12:3${row % 6}:${10 + (row % 50)}.${100_000 + ((row * 37) % 900_000)}+00`,
  row => ((row * 7_919) % 100_000) / 100,
  row => NOTES[row % NOTES.length],
  row =>
    `${hex(row, 8)}-${hex(row + 1, 4)}-4${hex(row + 2, 3)}-${'89ab'[(row * 7) % 4]}${hex(row + 3, 3)}-${hex(row + 4, 8)}${hex(row + 5, 4)}`,
  row => `SKU-${10_000 + (row % 9_999)}`,
  row => `ORD-2024-${String(row).padStart(6, '0')}`,
].map(field => row => String(field(row)))

export const ordinaryChunk = () => chunkOf(row => ORDINARY.map(field => field(row)))

function chunkOf(cellsOf) {
  const rows = []
  for (let row = 0, bytes = 0; ; row++) {
    const encoded = encodeRow(cellsOf(row))
    bytes += encoded.length
    if (bytes > CHUNK_BYTES) return Buffer.concat(rows)
    rows.push(encoded)
  }
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

/** The cells of each row, as strings. */
export function* decodedRows(chunk) {
  for (let at = 0; at < chunk.length; ) {
    const end = at + 1 + chunk.readInt32BE(at + 1)
    const cells = []
    for (let cell = at + 7; cell < end; ) {
      const length = chunk.readInt32BE(cell)
      cells.push(length < 0 ? null : chunk.toString('utf8', cell + 4, cell + 4 + length))
      cell += 4 + Math.max(length, 0)
    }
    yield cells
    at = end
  }
}

/** What is usually done: decodes every row to strings, masks, encodes. `masks` by the position of the column. */
export function naiveMasker(masks, columns) {
  const cellMasks = columns.map((column, index) => {
    const mask = masks.get(index)
    return mask === undefined ? cell => cell : maskValue(mask, column, hashKey)
  })
  return chunk => {
    const rows = []
    for (const cells of decodedRows(chunk)) rows.push(encodeRow(cells.map((cell, index) => cellMasks[index](cell))))
    return Buffer.concat(rows)
  }
}

/** One expression a detector over every cell, as short as they are usually written. */
export const EXPRESSIONS = {
  'credit-card': /\b\d(?:[ -]?\d){12,18}\b/,
  'us-ssn': /\b\d{3}[ -]\d{2}[ -]\d{4}\b/,
  email: /[^\s@]+@[^\s@]+\.[a-z]{2,}/i,
  iban: /\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b/i,
  phone: /\+[1-9]\d{7,14}\b|\(?\b[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4}\b/,
  jwt: /\beyJ[\w-]+\.[\w-]+\.[\w-]*/,
  'aws-key': /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/,
  'gcp-key': /\bAIza[\w-]{35}\b|\bGOCSPX-[\w-]{28}/,
  'github-token': /\bgh[pousr]_\w{36}\b|\bgithub_pat_\w{82}\b/,
  'slack-token': /\bxox[abposr]-[\w-]{10,}|hooks\.slack\.com\/services\//,
  'openai-key': /\bsk-[\w-]{20,}/,
  'private-key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  'ip-address': /\b(?:\d{1,3}\.){3}\d{1,3}\b|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}/i,
}
