import type { Clock, Dialect, Entry } from '@querywarden/policy-core'
import type { RecordingError } from '../errors.ts'
import type { MetaKeys, ValueKeys } from '../format/keys.ts'
import type { Redactor } from '../redaction/remember-redactions.ts'
import type { DiskWatch } from './disk-watch.ts'
import type { ParameterRecording } from './entry-bodies.ts'
import type { InstanceLog } from './instance-log.ts'
import type { IntentTemplate } from './intent-template.ts'
import type { SessionWriter } from './session-writer.ts'
import type { Tail } from './tail.ts'

/** `standard`: outcomes are durable within milliseconds. `strict`: an outcome's append waits until it is durable. */
export type Durability = 'standard' | 'strict'

export interface RecordingKeys {
  readonly meta: MetaKeys
  readonly value: ValueKeys
}

/** What all sessions of a recorder share. */
export interface SessionContext {
  readonly durability: Durability
  readonly parameters: ParameterRecording
  readonly quotaBytes: number
  readonly clock: Clock
  readonly log: InstanceLog
  readonly watch: DiskWatch
  /** Why no statement may begin now, as the disk was found last, or null. */
  readonly shortage: () => RecordingError | null
  /** Null where every entry waits for the disk. */
  readonly tail: Tail | null
  readonly redact: Redactor
  readonly templateOf: (intent: Extract<Entry, { kind: 'intent' }>, dialect: Dialect) => IntentTemplate
  /** Has {@link SessionWriter.seal} called before long. */
  readonly sealSoon: (writer: SessionWriter) => void
  readonly sealed: (writer: SessionWriter) => void
  readonly closed: (writer: SessionWriter) => void
}
