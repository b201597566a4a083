import type {
  ApprovalTerms,
  Claim,
  CloseReason,
  Completion,
  Identity,
  RecordedColumn,
  ServerMessage,
  StatementLimits,
} from '@querywarden/policy-core'
import type { RecordedIdentity, RecordingHeader } from './file-header.ts'

/** Where and when an event was written down. */
export interface EventStamp {
  /** The number of the frame that it stands in, from 0. The entries of a block share one. */
  readonly seq: number
  /** Milliseconds since 1970, with microseconds as fraction. */
  readonly at: number
  /** Milliseconds from an arbitrary origin; never goes back within one boot. */
  readonly monotonic: number
}

/** A statement as recorded. */
export interface RecordedSql {
  /** Without literals. Always there. */
  readonly redacted: string
  /** Exactly as received. Null when the VALUE key is gone or not given, or the statement may carry a secret. */
  readonly text: string | null
  readonly canonical: string | null
  /** Literals, parameters and their digests were left out for good, because a secret may be among them. */
  readonly secret: boolean
  /** The UTF-8 length of the text, and its HMAC-SHA-256 under a key derived from the VALUE key, in hex. */
  readonly bytes: number
  readonly hmac: string
}

export interface RecordedParameter {
  readonly typeOid: number
  readonly format: 'text' | 'binary'
  readonly isNull: boolean
  /** Null where the value is NULL or may be a secret. */
  readonly bytes: number | null
  readonly hmac: string | null
  /** Null unless values are recorded and their key is there. */
  readonly value: Uint8Array | null
}

export interface RecordedReason {
  readonly use: string
  readonly answer: 'allow' | 'approve' | 'deny'
  readonly rules: readonly string[]
}

/** A statement that was cleared, and what the decision rested on. */
export interface IntentEvent extends EventStamp {
  readonly kind: 'intent'
  readonly statement: number
  readonly sql: RecordedSql
  readonly params: readonly RecordedParameter[]
  readonly tag: string
  readonly effects: readonly string[]
  readonly relations: readonly string[]
  readonly functions: readonly string[]
  readonly decision: 'allow' | 'approve'
  readonly reasons: readonly RecordedReason[]
  readonly approval: string | null
  readonly masks: readonly { readonly column: string; readonly mask: string }[]
  readonly detect: readonly { readonly detector: string; readonly mask: string }[]
  readonly limits: StatementLimits
}

export interface RefusedEvent extends EventStamp {
  readonly kind: 'refused'
  readonly statement: number
  readonly sql: RecordedSql
  readonly params: readonly RecordedParameter[]
  readonly effects: readonly string[]
  readonly reasons: readonly RecordedReason[]
  readonly refusal: {
    readonly code: string
    readonly rule: string | null
    readonly message: string
    readonly hint: string
    readonly request: string | null
  }
}

/** What a server said. Its words may hold values: they are null when the VALUE key is gone or not given. */
export type RecordedMessage = Omit<ServerMessage, 'message'> & { readonly message: string | null }

/** Rows that a client received. */
export interface RowsEvent extends EventStamp {
  readonly kind: 'rows'
  readonly statement: number
  /** The number of the first of them within the result, from 0. */
  readonly first: number
  readonly rows: number
  readonly columns: readonly RecordedColumn[] | null
  /** How long the frames are. */
  readonly bytes: number
  /**
   * `digest`: as little was asked for. `secret`: a secret of a statement may be among them. `too-large`: a row that fits in no
   * frame of the recording.
   */
  readonly kept: 'frames' | 'digest' | 'secret' | 'too-large'
  /** HMAC-SHA-256 of the frames under a key derived from the VALUE key, in hex; null where the frames are kept. */
  readonly hmac: string | null
  /** Null where only a digest was recorded, and where the VALUE key is gone or not given. */
  readonly frames: Uint8Array | null
}

/** One line of a session's account, read back. */
export type RecordedEvent =
  | (EventStamp & {
      readonly kind: 'opened'
      readonly header: RecordingHeader
      readonly groups: readonly string[]
      readonly actor: Identity | null
      /** Milliseconds since 1970, or null for a credential without end. */
      readonly expiresAt: number | null
      /** What the tokens of the requester and of the actor say, as far as the configuration keeps it. */
      readonly claims: readonly Claim[]
      readonly actorClaims: readonly Claim[]
      readonly client: Readonly<Record<string, string>>
    })
  | IntentEvent
  | RefusedEvent
  | (EventStamp & {
      readonly kind: 'approval-requested'
      readonly statement: number
      readonly request: string
      readonly terms: ApprovalTerms
      readonly redacted: string
      readonly canonical: string | null
    })
  | (EventStamp & {
      readonly kind: 'approval-answered'
      readonly statement: number
      readonly request: string
      readonly answer: 'granted' | 'denied' | 'expired' | 'withdrawn'
      readonly by: readonly RecordedIdentity[]
      readonly reason: string
    })
  | RowsEvent
  | (EventStamp & {
      readonly kind: 'notice'
      readonly statement: number | null
      readonly notice: RecordedMessage
    })
  | (EventStamp & {
      readonly kind: 'completion'
      readonly statement: number
      readonly completion: Completion
      /** What the server said of its failure; null where there is none. */
      readonly error: RecordedMessage | null
    })
  | (EventStamp & { readonly kind: 'cancel-requested'; readonly statement: number | null })
  | (EventStamp & {
      readonly kind: 'incident'
      readonly statement: number | null
      readonly code: string
      readonly message: string
    })
  /** The writer died; a later one sealed what it left. */
  | (EventStamp & { readonly kind: 'recovered'; readonly recovery: RecoveryMark })
  | (EventStamp & { readonly kind: 'closed'; readonly reason: CloseReason })
  /** A kind of event that this version doesn't know. */
  | (EventStamp & { readonly kind: 'unknown'; readonly type: number })
  /** Not an event: the account stops here without having been closed. */
  | { readonly kind: 'broken-off'; readonly seq: number; readonly tornBytes: number; readonly why: string }

/** What a RECOVERY frame says. */
export interface RecoveryMark {
  readonly boot: string
  /** The number of the last frame that the dead writer left whole. */
  readonly lastSeq: number
  readonly lastChain: Uint8Array
  readonly discardedBytes: number
  /** Of the bytes moved aside. */
  readonly discardedSha256: Uint8Array
  /** Entries that stood in no frame yet, and were taken from the dead writer's tail into the frames before this one. */
  readonly tailEntries: number
}
