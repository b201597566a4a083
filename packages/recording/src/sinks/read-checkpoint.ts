import { join } from 'node:path'
import { CHECKPOINT_NAME } from '../anchoring/live-checkpoints.ts'
import { isSameDigest } from '../chain.ts'
import { RecordingError } from '../errors.ts'
import { decodeLogHeader } from '../file-header.ts'
import { readPieces } from '../frame-reader.ts'
import { decodeLogEntry, LOG_NAME } from '../instance-log.ts'
import { LOG_MAGIC } from '../layout.ts'
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
