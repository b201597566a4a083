import type { Seat } from './admission.ts'
import type { CancelKey } from './postgres/cancel-keys.ts'

/** What a process that serves clients has from those that serve beside it. */
export interface Fellows {
  /** Its number among them, from 0. */
  readonly worker: number
  readonly workers: number
  /** A place for a session among all of theirs, by the key of the identity. */
  readonly seat: (identity: string) => Promise<Seat>
  /** Passes a cancel request on to whose session it is about; gives whether that one knew the key. */
  readonly cancel: (request: CancelKey) => Promise<boolean>
  /** Resolves once none of them decides by a target's schema as it was. */
  readonly schemaChanged: (target: string) => Promise<void>
}

/** A gateway of one process. */
export const NO_FELLOWS: Fellows = {
  worker: 0,
  workers: 1,
  seat: () => Promise.resolve({ kind: 'taken', leave: () => undefined }),
  cancel: () => Promise.resolve(false),
  schemaChanged: () => Promise.resolve(),
}
