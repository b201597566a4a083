import type { CloseReason, Entry, SessionRecorder } from '@querywarden/policy-core'
import { type FileRecorder, type RecordedEvent, RecordingError } from '../../src/index.ts'
import { change, done, intent, opening, refused } from '../writer-fixtures.ts'
import type { Chance, VirtualTime } from './virtual-time.ts'

/** How safe an entry is once it was acknowledged (docs/decisions/0006). */
export type Safety = 'disk' | 'kernel' | 'soon'

/** An entry that a session was given. */
export interface Given {
  /** Tells it from all others of its session. */
  readonly key: string
  readonly safety: Safety
  /** Null: not acknowledged. */
  takenAt: number | null
  isRefused: boolean
}

/** A session as whoever had it recorded knows it. */
export interface Played {
  readonly name: string
  readonly given: Given[]
  /** Whether its opening was acknowledged, and its closing. */
  isOpened: boolean
  isClosed: boolean
  /** Whether closing it was begun. */
  isClosing: boolean
}

export interface Play {
  readonly chance: Chance
  readonly time: VirtualTime
  readonly durability: 'standard' | 'strict'
  /** Nothing that happens after that is known to anybody. */
  readonly isOver: () => boolean
  /** Where those that are played are noted. */
  readonly sessions: Played[]
}

/** What an event that is read back was given as; null for those that the writer adds. */
export function keyOf(event: RecordedEvent): string | null {
  switch (event.kind) {
    case 'intent':
    case 'refused':
      return `${event.kind} ${event.statement} ${event.sql.text ?? ''}`
    case 'approval-requested':
    case 'approval-answered':
      return `${event.kind} ${event.statement} ${event.request}`
    case 'completion':
      return `completion ${event.statement} ${event.completion.kind}`
    case 'cancel-requested':
      return `cancel-requested ${event.statement}`
    case 'incident':
      return `incident ${event.message}`
    case 'rows':
      return `rows ${event.statement}`
    case 'notice':
      return `notice ${event.statement}`
    case 'opened':
    case 'closed':
    case 'recovered':
    case 'unknown':
    case 'broken-off':
      return null
  }
}

function keyOfEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'intent':
    case 'refused':
      return `${entry.kind} ${entry.statement} ${entry.text}`
    case 'approval-requested':
    case 'approval-answered':
      return `${entry.kind} ${entry.statement} ${entry.request}`
    case 'completion':
      return `completion ${entry.statement} ${entry.completion.kind}`
    case 'cancel-requested':
      return `cancel-requested ${entry.statement}`
    case 'incident':
      return `incident ${entry.message}`
    case 'rows':
      return `rows ${entry.statement}`
    case 'notice':
      return `notice ${entry.statement}`
  }
}

function safetyOf(entry: Entry, durability: 'standard' | 'strict'): Safety {
  if (entry.kind === 'rows' || entry.kind === 'notice') return 'soon'
  if (durability === 'strict') return 'disk'
  if (entry.kind === 'completion') return 'soon'
  return entry.kind === 'intent' && entry.effects.every(effect => effect === 'read') ? 'kernel' : 'disk'
}

/** Plays some sessions, one after the other or at once. Resolves when they are over; stops with the machine. */
export async function playSessions(recorder: FileRecorder, life: number, play: Play): Promise<void> {
  const lanes = 1 + play.chance.below(3)
  const lane = async (number: number): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      const played: Played = {
        name: `${life}-${number}-${round}`,
        given: [],
        isOpened: false,
        isClosed: false,
        isClosing: false,
      }
      play.sessions.push(played)
      if (!(await playSession(recorder, played, play))) return
      if (play.chance.of(0.5)) return
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
}

/** Plays one session; whether another may follow it. */
async function playSession(recorder: FileRecorder, played: Played, play: Play): Promise<boolean> {
  const { chance, time } = play
  let session: SessionRecorder
  try {
    session = await recorder.record(opening({ session: played.name }))
  } catch (error) {
    return expected(error, play)
  }
  if (play.isOver()) return false
  played.isOpened = true
  const statements = chance.below(chance.of(0.1) ? 60 : 12)
  for (let n = 1; n <= statements; n++) {
    if (!(await playStatement(session, n, played, play))) break
    if (chance.of(0.3)) await time.sleep(chance.next() * (chance.of(0.1) ? 1_500 : 10))
  }
  // One in ten is left open, as when a gateway is told to stop at once.
  if (play.isOver() || chance.of(0.1)) return true
  played.isClosing = true
  try {
    await session.close(chance.pick<CloseReason>(['client-left', 'client-terminated', 'idle']))
    if (!play.isOver()) played.isClosed = true
  } catch (error) {
    return expected(error, play)
  }
  return true
}

const LONG = 'x'.repeat(9_000)

async function playStatement(session: SessionRecorder, n: number, played: Played, play: Play): Promise<boolean> {
  const { chance } = play
  const way = chance.below(12)
  const give = (entry: Entry): Promise<boolean> => giveEntry(session, entry, played, play)
  if (way === 0) return give(refused(n, `drop table t${n}`))
  if (way === 1 && !(await give(asked(n)))) return false
  if (way === 1) return give(answered(n))
  if (way === 2) return give({ kind: 'incident', statement: n, code: 'X', message: `incident ${n}` })
  const isChange = way < 5
  const text = chance.of(0.1) ? `select ${n} -- ${LONG}` : chance.of(0.5) ? 'select a from t' : `select '${n}'`
  if (!(await give(isChange ? change(n, `update t set a = ${n}`) : intent(n, text)))) return false
  if (chance.of(0.3)) await play.time.sleep(chance.next() * 20)
  if (way === 5 && !(await give({ kind: 'cancel-requested', statement: n }))) return false
  if (way === 6 && !(await give(notice(n)))) return false
  if (way === 7 && !(await give(rows(n, chance)))) return false
  // Outcomes are not waited for by those who have more to do.
  const outcome = give(done(n))
  return chance.of(0.5) ? outcome : true
}

const asked = (statement: number): Entry => ({
  kind: 'approval-requested',
  statement,
  request: `request-${statement}`,
  terms: { rules: ['w'], approverGroups: [['dba']], quorum: 1, expiresMs: 600_000, mode: 'hold' },
  canonical: 'update t set a = 1',
})

const answered = (statement: number): Entry => ({
  kind: 'approval-answered',
  statement,
  request: `request-${statement}`,
  answer: 'granted',
  by: [{ issuer: 'https://idp.example.com', subject: 'dana', groups: ['dba'] }],
  reason: 'ticket 12',
})

const notice = (statement: number): Entry => ({
  kind: 'notice',
  statement,
  notice: { severity: 'NOTICE', sqlstate: '00000', message: `notice ${statement}`, constraint: null },
})

const rows = (statement: number, chance: Chance): Entry => ({
  kind: 'rows',
  statement,
  first: 0,
  rows: 3,
  columns: [{ name: 'a', typeOid: 25, format: 'text' }],
  frames: chance.bytes(1 + chance.below(chance.of(0.1) ? 5_000 : 300)),
})

/** Gives an entry, and notes what was said of it. Whether the session goes on. */
async function giveEntry(session: SessionRecorder, entry: Entry, played: Played, play: Play): Promise<boolean> {
  if (play.isOver()) return false
  const given: Given = {
    key: keyOfEntry(entry),
    safety: safetyOf(entry, play.durability),
    takenAt: null,
    isRefused: false,
  }
  played.given.push(given)
  try {
    await session.append(entry)
    if (!play.isOver()) given.takenAt = play.time.ms
    return !play.isOver()
  } catch (error) {
    given.isRefused = true
    return expected(error, play)
  }
}

/** A session may be refused what the disk can't take; anything else is a fault of the recorder. */
function expected(error: unknown, play: Play): false {
  if (play.isOver() || error instanceof RecordingError) return false
  throw error
}
