import { join } from 'node:path'
import { CHECKPOINT_NAME } from '../anchoring/live-checkpoints.ts'
import { RecordingError } from '../errors.ts'
import { isSameDigest } from '../format/chain.ts'
import { decodeLogHeader } from '../format/file-header.ts'
import { readPieces } from '../format/frame-reader.ts'
import { LOG_MAGIC } from '../format/layout.ts'
import { decodeLogEntry, LOG_NAME } from '../writer/instance-log.ts'
import type { FileSystem } from './file-system.ts'

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** The newest checkpoint beside a boot's log, as it stands there; null where there is none. */
export async function readCheckpointFile(folder: string, files: FileSystem): Promise<string | null> {
  try {
    return (await files.readFile(join(folder, CHECKPOINT_NAME))).toString('utf8')
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/** The verifier key that a boot's log names as its signer's: its second frame does, where checkpoints are made at all. */
export async function signerOf(folder: string, files: FileSystem): Promise<string | null> {
  try {
    for await (const piece of readPieces(files.readPieces(join(folder, LOG_NAME)), LOG_MAGIC)) {
      if (piece.kind === 'end') return null
      if (piece.kind === 'header') decodeLogHeader(piece.cbor)
      else {
        const { prev, entry } = decodeLogEntry(piece.frame.type, piece.frame.body)
        if (!isSameDigest(prev, piece.before)) return null
        if (piece.frame.seq > 0) return entry?.kind === 'signer' ? entry.verifierKey : null
      }
    }
  } catch (error) {
    if (!isAbsent(error) && !(error instanceof RecordingError)) throw error
  }
  return null
}
