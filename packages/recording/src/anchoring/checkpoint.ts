import { RecordingError } from '../errors.ts'
import { HASH_BYTES } from './merkle-tree.ts'
import { decodeBase64, isKeyName } from './signed-note.ts'
import type { TreeHead } from './verify-proofs.ts'

/** What a checkpoint says (c2sp.org/tlog-checkpoint). */
export interface Checkpoint extends TreeHead {
  /** `<signer's name>/<boot id>`: which log. */
  readonly origin: string
}

/** Sizes in file names and notes: as many as a safe integer. */
const SIZE_PATTERN = /^(0|[1-9][0-9]{0,15})$/

/** The origin of a boot's log. */
export const originOf = (name: string, boot: string): string => `${name}/${boot}`

/** The text that is signed. */
export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`

/**
 * Reads the text of a checkpoint. Lines after the third are allowed and say nothing here.
 *
 * @throws RecordingError MALFORMED when it is none.
 * @example
 * const { origin, size, root } = parseCheckpoint(verifyNote(note, keys).text)
 */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : []
  const [origin = '', size = '', base64 = ''] = lines
  const root = decodeBase64(base64)
  const isWhole = lines.length >= 3 && lines.every(line => line !== '')
  if (!isWhole || !SIZE_PATTERN.test(size) || !Number.isSafeInteger(Number(size)) || root?.length !== HASH_BYTES) {
    throw new RecordingError('MALFORMED', 'this is no checkpoint; expected lines of origin, size and root')
  }
  return { origin, size: Number(size), root }
}

/** The signer's name and the boot in an origin; null where it is no origin of ours. */
export function partsOfOrigin(origin: string): { readonly name: string; readonly boot: string } | null {
  const slash = origin.lastIndexOf('/')
  const [name, boot] = [origin.slice(0, slash), origin.slice(slash + 1)]
  return slash > 0 && isKeyName(name) && /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(boot) ? { name, boot } : null
}
