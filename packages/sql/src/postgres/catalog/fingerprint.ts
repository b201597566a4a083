import { createHash } from 'node:crypto'
import type { Snapshot } from './snapshot.ts'

/** SHA-256, in hex, over the whole snapshot and the path that names are looked up in. JSON keeps every value apart. */
export const fingerprintOf = (snapshot: Snapshot, searchPath: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify(['catalog/1', searchPath, snapshot]))
    .digest('hex')
