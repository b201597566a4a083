import { RecordingError } from '../errors.ts'
import type { FileSystem } from './file-system.ts'
import { writeWholeAt } from './folder-storage.ts'

const PIECE_BYTES = 1_048_576

/**
 * Puts on the disk what a dead process left of a file's end, with what is to follow. The end is written again, as it is:
 * where a sync failed the kernel may have given up on it, and a second sync of the same pages would say that all is well.
 */
export async function rewriteEnd(
  path: string,
  files: FileSystem,
  end: { readonly from: number; readonly to: number; readonly append?: Uint8Array },
): Promise<void> {
  const file = await files.open(path, 'update')
  try {
    if ((await file.size()) !== end.to) throw new RecordingError('MALFORMED', `${path} changed while it was recovered`)
    for (let at = end.from; at < end.to; ) {
      const piece = await file.read(at, Math.min(PIECE_BYTES, end.to - at))
      if (piece.length === 0) break
      await writeWholeAt(file, at, piece)
      at += piece.length
    }
    if (end.append !== undefined) await writeWholeAt(file, end.to, end.append)
    await file.sync()
  } finally {
    await file.close()
  }
}
