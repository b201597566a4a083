// What looking for canaries costs, on 64 KiB of ordinary table data that holds none: against copying it (the ceiling), and
// against Buffer.indexOf for each form by itself.
//
//   npm run bench -- canaries           [ROUNDS=101]
//
// Prints ratios of median processor times of what takes turns: machines differ, ratios less so.
import { canaryForms, canaryScanner } from '@querywarden/masking'
import { medians } from './parts/interleaved.mjs'
import { CHUNK_BYTES, ordinaryChunk } from './parts/masking-chunks.mjs'

const rounds = Number(process.env.ROUNDS ?? 101)
const TIMES = 16
const round = ratio => Number(ratio.toPrecision(2))

const chunk = ordinaryChunk()
const copied = new Uint8Array(2 * CHUNK_BYTES)
for (const [count, length] of [
  [1, 12],
  [4, 16],
  [64, 16],
]) {
  const values = Array.from({ length: count }, (_, i) => `zebra-${i}-quartz-and-more`.slice(0, length))
  const scanner = canaryScanner(values.map(value => ({ name: 'planted', value })))
  const forms = values.flatMap(canaryForms)
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (scanner.find(chunk, 0, chunk.length) !== null) throw new Error('there is none')
  const taken = medians(
    {
      copy: { run: () => copied.set(chunk), times: TIMES },
      look: { run: () => scanner.find(chunk, 0, chunk.length), times: TIMES },
      each: { run: () => forms.some(form => bytes.includes(form)) },
    },
    { rounds, warmUpMs: 150 },
  )
  const ratios = { ofCopying: round(taken.copy / taken.look), timesIndexOf: round(taken.each / taken.look) }
  const megabytesPerSecond = Math.round(chunk.length / taken.look)
  console.log(JSON.stringify({ canaries: count, forms: forms.length, ...ratios, megabytesPerSecond }))
}
