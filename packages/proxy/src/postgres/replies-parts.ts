import type { Session } from '@querywarden/policy-core'
import type { ParameterStatus } from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'
import type { ConversationError } from './conversation-error.ts'

/** What the way back needs of the conversation it serves. */
export interface RepliesParts {
  readonly session: Session
  readonly client: Link
  readonly upstream: Link
  readonly frameBytesMax: number
  readonly monotonic: () => number
  /** Asks the server to stop the statement in flight. */
  readonly cancelUpstream: () => void
  /** Called once, when the way back breaks, also while no batch waits. */
  readonly onFault: (fault: ConversationError) => void
  /** Called for each error that the server reports, whatever the client gets to see of it. */
  readonly onError: () => void
  /** Called when a transaction that may have changed the schema has ended, before its client hears of that. */
  readonly onSchemaChange: () => void
  readonly onReport: (status: ParameterStatus) => void
  /** Called when the database said something that doesn't fit the schema that a statement was decided by. */
  readonly onMismatch: () => void
}
