import type { Completion, Entry, ServerMessage } from '@querywarden/policy-core'

type Outcome = Extract<Entry, { kind: 'completion' }>
type Notice = Extract<Entry, { kind: 'notice' }>

/** Characters; in UTF-8 up to three times as many bytes. */
const NAME_CHARS_MAX = 128
const SEVERITY_CHARS_MAX = 32
/** Five characters by the standard (ISO/IEC 9075-2, 24.1). */
const SQLSTATE_CHARS_MAX = 8
/** A server's words, in UTF-8. */
const MESSAGE_BYTES_MAX = 1_024

/**
 * What an outcome takes at most in a frame of its own, with all texts of {@link boundedOutcome} at their longest: kept
 * free within the quota for each statement that was let run.
 */
export const OUTCOME_BYTES_MAX = 2_560

/** A database names its outcomes in a few characters; one that doesn't must not take the room of others. */
export function boundedOutcome(entry: Outcome): Outcome {
  const { completion } = entry
  const bounded = boundedCompletion(completion)
  return bounded === completion ? entry : { ...entry, completion: bounded }
}

function boundedCompletion(completion: Completion): Completion {
  switch (completion.kind) {
    case 'done':
      return isShort(completion.tag) ? completion : { ...completion, tag: cut(completion.tag, NAME_CHARS_MAX) }
    case 'failed': {
      const { error } = completion
      if (error === undefined && isShort(completion.sqlstate)) return completion
      const sqlstate = cut(completion.sqlstate, NAME_CHARS_MAX)
      return error === undefined
        ? { ...completion, sqlstate }
        : { ...completion, sqlstate, error: boundedMessage(error) }
    }
    case 'cancelled':
    case 'not-run':
    case 'unknown':
      return isShort(completion.why) ? completion : { ...completion, why: cut(completion.why, NAME_CHARS_MAX) }
  }
}

/** A notice whose words are no longer than an error's. */
export const boundedNotice = (entry: Notice): Notice => ({ ...entry, notice: boundedMessage(entry.notice) })

const boundedMessage = ({ severity, sqlstate, constraint, message }: ServerMessage): ServerMessage => ({
  severity: cut(severity, SEVERITY_CHARS_MAX),
  sqlstate: cut(sqlstate, SQLSTATE_CHARS_MAX),
  constraint: constraint === null ? null : cut(constraint, NAME_CHARS_MAX),
  message: cutBytes(message),
})

const isShort = (text: string): boolean => text.length <= NAME_CHARS_MAX

/** What was cut ends in `…`. */
const cut = (text: string, chars: number): string => (text.length <= chars ? text : `${text.slice(0, chars - 1)}…`)

function cutBytes(text: string): string {
  if (text.length * UTF8_BYTES_MAX <= MESSAGE_BYTES_MAX) return text
  const bytes = Buffer.from(text.slice(0, MESSAGE_BYTES_MAX + 1), 'utf8')
  if (bytes.length <= MESSAGE_BYTES_MAX) return text
  let end = MESSAGE_BYTES_MAX - ELLIPSIS_BYTES
  // Not within a character: bytes that go on with one begin with 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.toString('utf8', 0, end)}…`
}

const UTF8_BYTES_MAX = 3
const ELLIPSIS_BYTES = 3
