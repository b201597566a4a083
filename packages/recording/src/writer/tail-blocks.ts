import type { TailChunk } from '../format/tail-format.ts'
import type { BlockParts } from './block.ts'

/**
 * Joins the chunks that a boot's tails have of one recording, in the order they were written, to the blocks that are in
 * no frame yet: those from entry `framed` on. Entries may be missing between two blocks, outcomes that had not got to
 * the tail; a chunk missing within one can't be, and nothing is taken from behind it.
 */
export function tailBlocks(chunks: readonly TailChunk[], framed: number): readonly BlockParts[] {
  const blocks: Draft[] = []
  for (const chunk of chunks) {
    if (chunk.first < framed) continue
    const last = blocks.at(-1)
    const block = last?.first === chunk.first ? last : { first: chunk.first, entries: 0, meta: [], value: [] }
    if (chunk.at !== block.entries || (last !== undefined && chunk.first < last.first)) break
    if (block !== last) blocks.push(block)
    block.entries += chunk.entries
    block.meta.push(chunk.meta)
    block.value.push(chunk.value)
  }
  return blocks.map(partsOf)
}

interface Draft {
  readonly first: number
  entries: number
  readonly meta: Uint8Array[]
  readonly value: Uint8Array[]
}

const partsOf = ({ first, entries, meta, value }: Draft): BlockParts => ({
  first,
  entries,
  meta: Buffer.concat(meta),
  value: Buffer.concat(value),
  fromTail: true,
})
