// How fast a stream of rows is cut into frames, beside a plain copy of the same bytes. Rounds are interleaved, so that
// what else the machine does hits all alike; figures are medians. Build first: pnpm --filter @querywarden/wire build
import { BACKEND, BACKEND_TAGS, encodeDataRow, FrameBuffer, FrameScanner } from '@querywarden/wire/postgres'

const CHUNK_BYTES = 64 * 1024
const STREAM_BYTES = 32 * 1024 * 1024
const ROUNDS = 15
const rules = { frameBytesMax: 16 * 1024 * 1024, tags: BACKEND_TAGS }

const contestants = {
  memcpy: chunks => {
    const to = new Uint8Array(CHUNK_BYTES)
    let bytes = 0
    for (const chunk of chunks) {
      to.set(chunk)
      bytes += chunk.length
    }
    return bytes
  },

  // As a relay does it: count the rows, pass each run on as one subarray.
  FrameScanner: chunks => {
    const scanner = new FrameScanner(rules)
    let bytes = 0
    let rows = 0
    for (const chunk of chunks) {
      scanner.push(chunk)
      let source = chunk
      let from = 0
      let to = 0
      while (scanner.next()) {
        if (scanner.bytes !== source) {
          bytes += source.subarray(from, to).length
          source = scanner.bytes
          from = scanner.start
        }
        if (scanner.tag === BACKEND.dataRow) rows += 1
        to = scanner.end
      }
      bytes += source.subarray(from, to).length
    }
    return rows > 0 ? bytes : 0
  },

  FrameBuffer: chunks => {
    const buffer = new FrameBuffer(rules)
    let bytes = 0
    for (const chunk of chunks) {
      buffer.push(chunk)
      for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) bytes += frame.bytes.length
    }
    return bytes
  },

  'Buffer per frame': chunks => {
    let held = Buffer.alloc(0)
    let bytes = 0
    for (const chunk of chunks) {
      held = Buffer.concat([held, chunk])
      while (held.length >= 5 && held.length > held.readUInt32BE(1)) {
        const end = held.readUInt32BE(1) + 1
        const frame = Buffer.from(held.subarray(0, end))
        bytes += frame.length
        held = held.subarray(end)
      }
    }
    return bytes
  },
}

const chunksOf = valueBytes => {
  const row = encodeDataRow({ values: Array.from({ length: 4 }, () => new Uint8Array(valueBytes)) })
  const stream = Buffer.concat(Array(Math.floor(STREAM_BYTES / row.length)).fill(row))
  const chunks = []
  for (let at = 0; at < stream.length; at += CHUNK_BYTES) chunks.push(stream.subarray(at, at + CHUNK_BYTES))
  return { chunks, rowBytes: row.length, bytes: stream.length }
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

for (const valueBytes of [5, 20, 250, 20_000]) {
  const { chunks, rowBytes, bytes } = chunksOf(valueBytes)
  const times = new Map(Object.keys(contestants).map(name => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const started = process.hrtime.bigint()
      const moved = run(chunks)
      times.get(name).push(Number(process.hrtime.bigint() - started))
      if (moved !== bytes) throw new Error(`${name} moved ${moved} of ${bytes} bytes`)
    }
  }
  const copy = median(times.get('memcpy'))
  const naive = median(times.get('Buffer per frame'))
  console.log(`\nrows of ${rowBytes} bytes in chunks of ${CHUNK_BYTES}`)
  for (const [name, all] of times) {
    const time = median(all)
    const speed = `${Math.round((bytes / time) * 1000)} MB/s`.padStart(11)
    console.log(
      `${name.padEnd(18)}${speed}  ${(copy / time).toFixed(2)} × memcpy  ${(naive / time).toFixed(1)} × naive`,
    )
  }
}
