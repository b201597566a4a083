import type { Clock, Identity, Recorder, SessionOpening } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { encodeFileHeader, headerFactsOf, type RecordingHeader, recordingHeaderFields } from '../format/file-header.ts'
import { KEY_BYTES, type KeyEncryption, keyContext, metaKeys, type RandomBytes, valueKeys } from '../format/keys.ts'
import { FRAME_TYPES, RECORDING_MAGIC } from '../format/layout.ts'
import { rememberingRedactor } from '../redaction/remember-redactions.ts'
import type { Sleep } from './commit-queue.ts'
import { DiskWatch, LAG_MS_MAX } from './disk-watch.ts'
import type { ParameterRecording } from './entry-bodies.ts'
import { type EntryTap, SessionTap } from './entry-tap.ts'
import type { InstanceLog } from './instance-log.ts'
import { intentTemplates } from './intent-template.ts'
import { framer, Journal } from './journal.ts'
import type { Durability, RecordingKeys, SessionContext } from './session-context.ts'
import { diskSlow, SessionWriter } from './session-writer.ts'
import type { Storage } from './storage.ts'
import { Tail } from './tail.ts'

/** What ends a recording's file name. */
export const RECORDING_SUFFIX = '.dbrec'
/** What ends the name of the file that holds a recording's wrapped VALUE key: delete it and the values are gone. */
export const VALUES_SUFFIX = '.values'
/** How often open blocks are looked at. */
const SEAL_EVERY_MS = 50
/** So many looks seal every block, however many there are: none is open for much more than a second. */
const SEAL_LOOKS = 20

export interface RecorderOptions {
  readonly storage: Storage
  readonly log: InstanceLog
  readonly keys: KeyEncryption
  readonly durability: Durability
  readonly parameters: ParameterRecording
  /** The most bytes one session may write. */
  readonly quotaBytes: number
  /** With less free space than this no session opens and, found so by {@link LiveRecorder.lookAtDisk}, no statement begins. */
  readonly freeBytesMin: number
  readonly clock: Clock
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
  readonly newId: () => string
  readonly instance: string
  readonly boot: string
  /** Shared with the instance log where both are on one disk. Absent: the recorder's own. */
  readonly watch?: DiskWatch
  /** Why no session may open and no statement begin for a reason beside the disk, or null. */
  readonly overdue?: () => RecordingError | null
  /** Is told what goes into every recording. Absent: nobody is, and it costs nothing. */
  readonly onEntry?: EntryTap
}

/** A recorder, and what its owner does once a second. */
export interface LiveRecorder {
  readonly record: Recorder
  /** Writes the heads of live recordings in the instance log. */
  readonly logHeads: () => Promise<void>
  /** Checks the free space, and tries again what the disk refused. Never rejects. */
  readonly lookAtDisk: () => Promise<void>
  /** Whether a recording is open, or could not be closed. */
  readonly hasOpen: () => boolean
  /** How long the disk has been at its oldest commit, in milliseconds; nothing new is taken over 2000. */
  readonly lagMs: () => number
  /** Ends what the sessions share. Close them first: what is open then is left to the next start. */
  readonly close: () => Promise<void>
}

/** Records sessions into a storage, each in a file of its own, all of them accounted for in one instance log. */
export function recorder(options: RecorderOptions): LiveRecorder {
  const live = new Set<SessionWriter>()
  const redact = rememberingRedactor()
  const watch = options.watch ?? new DiskWatch(options.clock.monotonic)
  const tail = tailFor(options, watch)
  const blocks = sealingInTurn(options.sleep)
  let shortage: RecordingError | null = null
  const context: SessionContext = {
    durability: options.durability,
    parameters: options.parameters,
    quotaBytes: options.quotaBytes,
    clock: options.clock,
    log: options.log,
    watch,
    shortage: () => shortage ?? options.overdue?.() ?? null,
    tail,
    redact,
    templateOf: intentTemplates(),
    sealSoon: blocks.sealSoon,
    sealed: blocks.sealed,
    closed: writer => live.delete(writer),
  }
  return {
    record: async opening => {
      await checkFit(options, { tail, watch })
      const { header, journal, keys } = await openRecording(options, opening, watch)
      const tap = options.onEntry === undefined ? null : new SessionTap(options.onEntry, header, options.clock)
      tap?.opened(openingMeta(opening))
      const recording = { id: header.recording, dialect: opening.target.dialect, journal, keys, tap }
      const writer = new SessionWriter(recording, context)
      live.add(writer)
      return { append: entry => writer.append(entry), close: reason => writer.close(reason) }
    },
    logHeads: async () => {
      // The little room that is left is for outcomes: a log that met a full disk would end all sessions.
      if (shortage !== null) return
      await Promise.all([...live].map(writer => writer.logHead()))
    },
    lookAtDisk: async () => {
      try {
        shortage = await shortageOf(options, 'DISK_FULL')
        if (shortage === null) await tail?.renew()
      } catch {
        // Of a disk that can't even be asked nothing new is known; what is written to it will tell.
      }
    },
    hasOpen: () => live.size > 0,
    lagMs: () => watch.lagMs(),
    close: async () => tail?.close(),
  }
}

/** In the strict tier, and where the storage has no tail, every entry waits for the disk. */
function tailFor(options: RecorderOptions, watch: DiskWatch): Tail | null {
  const { storage, keys, boot, randomBytes, sleep } = options
  const { createTail } = storage
  if (options.durability === 'strict' || createTail === undefined) return null
  return new Tail({ storage, createTail, keys, boot, randomBytes, sleep, watch, log: options.log })
}

/** Seals open blocks, the oldest first and a few at a time, so that many sessions don't meet in one moment. */
function sealingInTurn(sleep: Sleep): Pick<SessionContext, 'sealSoon' | 'sealed'> {
  const open = new Set<SessionWriter>()
  let isRunning = false
  const run = async (): Promise<void> => {
    while (open.size > 0) {
      await sleep(SEAL_EVERY_MS)
      let left = Math.ceil(open.size / SEAL_LOOKS)
      for (const writer of open) {
        if (left-- <= 0) break
        void writer.seal()
      }
    }
    isRunning = false
  }
  return {
    sealSoon: writer => {
      open.add(writer)
      if (isRunning) return
      isRunning = true
      void run()
    },
    sealed: writer => open.delete(writer),
  }
}

async function checkFit(
  options: RecorderOptions,
  { tail, watch }: { readonly tail: Tail | null; readonly watch: DiskWatch },
): Promise<void> {
  // Before the lag: a log that waits for room lags too.
  const overdue = options.overdue?.() ?? null
  if (overdue !== null) throw overdue
  if (watch.lagMs() > LAG_MS_MAX) throw diskSlow(watch.lagMs())
  await checkSpace(options)
  await tail?.open()
  if (tail !== null && tail.failure !== null) throw tail.failure
}

async function checkSpace(options: RecorderOptions): Promise<void> {
  const failure = options.log.failure()
  if (failure !== null) throw failure
  const shortage = await shortageOf(options, 'LOW_SPACE')
  if (shortage !== null) throw shortage
}

async function shortageOf(
  { storage, freeBytesMin }: RecorderOptions,
  code: 'LOW_SPACE' | 'DISK_FULL',
): Promise<RecordingError | null> {
  const free = await storage.freeBytes()
  if (free >= freeBytesMin) return null
  return new RecordingError(
    code,
    `${storage.place} has ${free} bytes free; recording a session needs ${freeBytesMin}: free space there`,
  )
}

async function openRecording(
  options: RecorderOptions,
  opening: SessionOpening,
  watch: DiskWatch,
): Promise<{ readonly header: RecordingHeader; readonly journal: Journal; readonly keys: RecordingKeys }> {
  const { storage, randomBytes, clock, log } = options
  const id = options.newId()
  const [metaDek, valueDek] = [randomBytes(KEY_BYTES), randomBytes(KEY_BYTES)]
  const keys = { meta: metaKeys(metaDek), value: valueKeys(valueDek) }
  const header: RecordingHeader = {
    recording: id,
    instance: options.instance,
    boot: options.boot,
    ...headerFactsOf(opening),
    createdAt: clock.now(),
    keyId: options.keys.id,
    wrappedMetaKey: await options.keys.wrap(metaDek, keyContext(id, 'meta')),
    valueCheck: keys.value.check,
  }
  // The values' key comes first: a recording whose key was lost in a crash could never be read.
  const wrapped = await options.keys.wrap(valueDek, keyContext(id, 'value'))
  await (await storage.create(id + VALUES_SUFFIX, wrapped)).close()
  const journal = await Journal.create(storage, id + RECORDING_SUFFIX, {
    header: encodeFileHeader(RECORDING_MAGIC, recordingHeaderFields(header)),
    first: framer(clock, keys)(FRAME_TYPES.open, { meta: openingMeta(opening), value: null }),
    sleep: options.sleep,
    watch,
  })
  // After the file: a log that names a file which never was would cry MISSING after a crash.
  try {
    await log.append({ kind: 'opened', recording: id, head: journal.durable })
  } catch (error) {
    await journal.close()
    throw error
  }
  return { header, journal, keys }
}

const openingMeta = ({ principal, client }: SessionOpening) => ({
  groups: principal.groups,
  actor:
    principal.actor === null
      ? null
      : {
          iss: principal.actor.issuer,
          sub: principal.actor.subject,
          groups: principal.actor.groups,
          claims: claimsMeta(principal.actor),
        },
  // A credential without end is written as null: CBOR here has no infinity.
  expires_at: Number.isFinite(principal.expiresAt) ? principal.expiresAt : null,
  claims: claimsMeta(principal),
  client,
})

/**
 * Claims that name a token or a login rather than a person (RFC 7519 section 4.1.7, OpenID Connect Core section 2, and
 * `uti` of Entra ID): who has one of them at hand could find or replay it. A digest of the token's id is in the header.
 */
const TOKEN_IDS: ReadonlySet<string> = new Set(['jti', 'uti', 'sid', 'nonce', 'at_hash', 'c_hash', 's_hash'])

const claimsMeta = ({ claims = [] }: Identity) =>
  claims.filter(({ name }) => !TOKEN_IDS.has(name)).map(({ name, values }) => ({ name, values }))
