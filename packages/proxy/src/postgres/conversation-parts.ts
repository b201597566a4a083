import type { CanaryScanner } from '@querywarden/masking'
import type { Clock, Session } from '@querywarden/policy-core'
import type { Link } from '../link.ts'
import type { BatchLimits } from './batch.ts'
import type { SessionPlanner } from './session-planner.ts'
import type { SplitText } from './split-text.ts'
import type { Upstream } from './upstream-login.ts'

/** What a conversation is made of. */
export interface ConversationParts {
  readonly session: Session
  readonly client: Link
  readonly upstream: Upstream
  readonly split: SplitText
  readonly clock: Clock
  /** Resolves when the database has taken the request; nothing else may be sent before that. */
  readonly cancelUpstream: () => Promise<void>
  /** Told once a transaction has ended that may have changed the schema; forgets what was known before it returns. */
  readonly onSchemaChange: () => Promise<unknown>
  readonly planner: SessionPlanner
  /** What must never reach the client; null where nothing is looked for. */
  readonly canaries: CanaryScanner | null
  /** Told when the database said something that doesn't fit the schema that was decided by. */
  readonly onMismatch: () => void
  readonly frameBytesMax: number
  readonly limits: BatchLimits & { readonly statementsMax: number; readonly heldBytesMax: number }
}
