import type { Clock, CloseReason, Entry, Recorder, SessionOpening, SessionRecorder } from '@querywarden/policy-core'
import { closeBody } from './closing.ts'
import type { Sleep } from './commit-queue.ts'
import { bodiesOf, type ParameterRecording } from './entry-bodies.ts'
import { RecordingError } from './errors.ts'
import { encodeFileHeader, headerFactsOf, recordingHeaderFields } from './file-header.ts'
import type { InstanceLog } from './instance-log.ts'
import { clearFramer, framer, Journal } from './journal.ts'
import {
  KEY_BYTES,
  type KeyEncryption,
  keyContext,
  type MetaKeys,
  metaKeys,
  type RandomBytes,
  type ValueKeys,
  valueKeys,
} from './keys.ts'
import { FRAME_TYPES, RECORDING_MAGIC } from './layout.ts'
import { type Redactor, rememberingRedactor } from './remember-redactions.ts'
import type { Storage } from './storage.ts'

/** What ends a recording's file name. */
export const RECORDING_SUFFIX = '.dbrec'
/** What ends the name of the file that holds a recording's wrapped VALUE key: delete it and the values are gone. */
export const VALUES_SUFFIX = '.values'
/** A live recording's head goes in the instance log at least every so many frames. */
export const HEAD_FRAMES_MAX = 256
/** Kept free within the quota: for the outcome of what was let run, and for the closing frame. */
const OUTCOME_RESERVE_BYTES = 4_096
const CLOSE_RESERVE_BYTES = 512

/** `standard`: outcomes are durable within milliseconds. `strict`: an outcome's append waits until it is durable. */
export type Durability = 'standard' | 'strict'

export interface RecorderOptions {
  readonly storage: Storage
  readonly log: InstanceLog
  readonly keys: KeyEncryption
  readonly durability: Durability
  readonly parameters: ParameterRecording
  /** The most bytes one session may write. */
  readonly quotaBytes: number
  /** No session opens with less free space than this. */
  readonly freeBytesMin: number
  readonly clock: Clock
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
  readonly newId: () => string
  readonly instance: string
  readonly boot: string
}

/** A recorder, and what its owner does once a second. */
export interface LiveRecorder {
  readonly record: Recorder
  /** Writes the heads of live recordings in the instance log. */
  readonly logHeads: () => Promise<void>
  /** Whether a recording is open, or could not be closed. */
  readonly hasOpen: () => boolean
}

interface Live {
  readonly id: string
  readonly journal: Journal
  loggedFrames: number
}

/** Records sessions into a storage, each in a file of its own, all of them accounted for in one instance log. */
export function recorder(options: RecorderOptions): LiveRecorder {
  const live = new Set<Live>()
  const redact = rememberingRedactor()
  const logHead = (one: Live): Promise<void> => {
    const head = one.journal.durable
    if (head.frames <= one.loggedFrames || options.log.failure() !== null) return Promise.resolve()
    one.loggedFrames = head.frames
    return options.log.appendLazily({ kind: 'head', recording: one.id, head })
  }
  return {
    record: async opening => {
      await checkSpace(options)
      const { one, keys } = await openRecording(options, opening)
      live.add(one)
      return sessionRecorder(options, opening, { one, keys, redact, logHead, forget: () => live.delete(one) })
    },
    logHeads: async () => {
      await Promise.all([...live].map(logHead))
    },
    hasOpen: () => live.size > 0,
  }
}

async function checkSpace({ storage, freeBytesMin, log }: RecorderOptions): Promise<void> {
  const failure = log.failure()
  if (failure !== null) throw failure
  const free = await storage.freeBytes()
  if (free >= freeBytesMin) return
  throw new RecordingError(
    'LOW_SPACE',
    `${storage.place} has ${free} bytes free; recording a session needs ${freeBytesMin}: free space there`,
  )
}

interface Keys {
  readonly meta: MetaKeys
  readonly value: ValueKeys
}

async function openRecording(
  options: RecorderOptions,
  opening: SessionOpening,
): Promise<{ readonly one: Live; readonly keys: Keys }> {
  const { storage, randomBytes, clock, log } = options
  const id = options.newId()
  const [metaDek, valueDek] = [randomBytes(KEY_BYTES), randomBytes(KEY_BYTES)]
  const keys = { meta: metaKeys(metaDek), value: valueKeys(valueDek) }
  const header = encodeFileHeader(
    RECORDING_MAGIC,
    recordingHeaderFields({
      recording: id,
      instance: options.instance,
      boot: options.boot,
      ...headerFactsOf(opening),
      createdAt: clock.now(),
      keyId: options.keys.id,
      wrappedMetaKey: await options.keys.wrap(metaDek, keyContext(id, 'meta')),
      valueCheck: keys.value.check,
    }),
  )
  // The values' key comes first: a recording whose key was lost in a crash could never be read.
  const wrapped = await options.keys.wrap(valueDek, keyContext(id, 'value'))
  await (await storage.create(id + VALUES_SUFFIX, wrapped)).close()
  const journal = await Journal.create(storage, id + RECORDING_SUFFIX, {
    header,
    first: framer(clock, keys)(FRAME_TYPES.open, { meta: openingMeta(opening), value: null }),
    sleep: options.sleep,
  })
  // After the file: a log that names a file which never was would cry MISSING after a crash.
  try {
    await log.append({ kind: 'opened', recording: id, head: journal.durable })
  } catch (error) {
    await journal.close()
    throw error
  }
  return { one: { id, journal, loggedFrames: journal.durable.frames }, keys }
}

const openingMeta = ({ principal, client }: SessionOpening) => ({
  groups: principal.groups,
  actor:
    principal.actor === null
      ? null
      : { iss: principal.actor.issuer, sub: principal.actor.subject, groups: principal.actor.groups },
  // A credential without end is written as null: CBOR here has no infinity.
  expires_at: Number.isFinite(principal.expiresAt) ? principal.expiresAt : null,
  client,
})

interface SessionContext {
  readonly one: Live
  readonly keys: Keys
  readonly redact: Redactor
  readonly logHead: (one: Live) => Promise<void>
  readonly forget: () => void
}

function sessionRecorder(options: RecorderOptions, opening: SessionOpening, context: SessionContext): SessionRecorder {
  const { one, keys } = context
  const { journal } = one
  const { log, clock } = options
  const frame = framer(clock, keys)
  const rules = {
    dialect: opening.target.dialect,
    redact: context.redact,
    parameters: options.parameters,
    digestKey: keys.value.digest,
  }
  let refusal: RecordingError | null = null
  let closing: Promise<void> | null = null

  /** The frame for an entry, or a rejection for good. */
  const frameFor = (entry: Entry): Buffer => {
    const failure = refusal ?? journal.failure ?? log.failure()
    if (failure !== null && !(failure === refusal && mayFollowQuota(entry))) throw failure
    const bodies = bodiesOf(entry, rules)
    const bytes = frame(bodies.type, bodies)(journal.position)
    const reserve = mayFollowQuota(entry) ? CLOSE_RESERVE_BYTES : OUTCOME_RESERVE_BYTES
    if (journal.bytes + bytes.length + reserve <= options.quotaBytes) return bytes
    refusal = quotaExceeded(options.quotaBytes)
    throw refusal
  }

  const append = async (entry: Entry): Promise<void> => {
    if (closing !== null) throw new RecordingError('CLOSED', 'the recording is closed; expected no more entries')
    const bytes = frameFor(entry)
    if (entry.kind === 'completion' && options.durability === 'standard') await journal.appendLazily(bytes)
    else await journal.append(bytes)
    if (journal.durable.frames - one.loggedFrames >= HEAD_FRAMES_MAX) await context.logHead(one)
  }

  const close = async (reason: CloseReason): Promise<void> => {
    const final = clearFramer(clock, keys.meta)
    try {
      if (journal.failure === null) await journal.append(closeFrame(final, journal, reason))
      await journal.close()
    } catch (error) {
      await log.append({ kind: 'suspect', recording: one.id, head: journal.durable }).catch(() => undefined)
      throw error
    }
    await log.append({ kind: 'closed', recording: one.id, head: journal.durable })
    context.forget()
  }
  return {
    append,
    close: reason => {
      closing ??= close(reason)
      return closing
    },
  }
}

function closeFrame(final: ReturnType<typeof clearFramer>, journal: Journal, reason: CloseReason): Buffer {
  const { seq, chain } = journal.position
  const body = closeBody({ reason, totalFrames: seq + 1, totalBytes: journal.bytes, chain })
  return final(FRAME_TYPES.close, body, 'final')(journal.position)
}

/** What was let run before the quota was reached is still accounted for. */
const mayFollowQuota = (entry: Entry): boolean =>
  entry.kind === 'completion' || entry.kind === 'incident' || entry.kind === 'cancel-requested'

const quotaExceeded = (quotaBytes: number): RecordingError =>
  new RecordingError(
    'QUOTA_EXCEEDED',
    `the recording of this session has reached its quota of ${quotaBytes} bytes: the session ends; open another`,
  )
