import type { Clock, Gate, Verifier } from '@querywarden/policy-core'
import type { Admission, Seat } from './admission.ts'
import type { ClientTls } from './client-tls.ts'
import type { ProxyLimits } from './config/config.ts'
import type { IdleWatch } from './idle-watch.ts'
import type { Log } from './log.ts'
import type { CancelKeys } from './postgres/cancel-keys.ts'
import type { Conversation } from './postgres/conversation.ts'
import type { SessionPlanner } from './postgres/session-planner.ts'
import type { SplitText } from './postgres/split-text.ts'
import type { WatchedTarget } from './target-service.ts'

/** What every connection is served with. */
export interface Service {
  readonly gate: Gate
  readonly verify: Verifier
  readonly targets: ReadonlyMap<string, WatchedTarget>
  /** Splits texts by the grammar of a server major. */
  readonly split: (major: number) => SplitText
  /** Null where the listener has no certificate. */
  readonly clientTls: ClientTls | null
  readonly cancelKeys: CancelKeys
  readonly clock: Clock
  readonly limits: ProxyLimits
  readonly log: Log
  readonly newId: () => string
  /** Live conversations, to be ended at shutdown. */
  readonly live: Set<Conversation>
  readonly admission: Admission
  /** Who asks the planner for each open session, by its id. */
  readonly planners: Map<string, SessionPlanner>
  /** A place for a session of somebody, by the key of the identity: here, and among all processes of the gateway. */
  readonly seat: (identity: string) => Promise<Seat>
  /** Told of every connection that did not become a session, with the SQLSTATE that it was given if any. */
  readonly onRefused: (sqlstate: string | null) => void
}

/** The same, with who looks after sessions that do nothing. */
export interface Serving extends Service {
  readonly idle: IdleWatch
}
