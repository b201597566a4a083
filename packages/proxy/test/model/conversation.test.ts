import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Governed, govern } from '../governed-database.ts'
import { rawDirect } from '../raw-client.ts'
import { patientLogin } from '../threats/patient-login.ts'
import { type Answer, isDropped, isOfGateway, lineOf, sqlstateOf } from './answers.ts'
import { type Move, tellMove } from './moves.ts'
import { type Dispute, encodeMoves, FAREWELL, isByDesign, isFarewell, referenceFor } from './reference.ts'
import { Talker } from './talker.ts'
import { CONTENTS, RESET, type Served, scripts, TABLES } from './vocabulary.ts'
import { type Walked, walk } from './walk.ts'

/** What the gateway serves of what can be thought up. */
const SERVED: Served = { sqlNames: process.env['SQL_NAMES'] !== 'no' }
const RUNS = Number(process.env['RUNS'] ?? 0)
const SEED = Number(process.env['SEED'] ?? 20_261)
const SUITE_MS = 25_000

const POLICY = `version: 1
rules:
  - { id: all, decision: allow, what: { effects: [read, write, ddl, dcl, session, transaction, procedural, maintenance, external, unknown] } }
`
const MIRROR = 'mirror'

let governed: Governed
const routes = new Map<'gateway' | 'server', { talker: Talker | null; admin: Client }>()

beforeAll(async () => {
  governed = await govern({ policy: POLICY, schema: TABLES, targetUser: 'postgres' })
  await governed.database.exec(`create database ${MIRROR}`)
  await governed.database.exec(TABLES, MIRROR)
  for (const [route, database] of [
    ['gateway', 'app'],
    ['server', MIRROR],
  ] as const) {
    const { host, port, user, password } = governed.database
    const admin = new Client({ host, port, user, password, database })
    await admin.connect()
    routes.set(route, { talker: null, admin })
  }
})
afterAll(async () => {
  for (const { talker, admin } of routes.values()) {
    talker?.close()
    await admin.end()
  }
  await governed.stop()
})

type Route = 'gateway' | 'server'

const open = async (route: Route): Promise<Talker> =>
  new Talker(
    route === 'gateway'
      ? (await patientLogin(governed.gateway.postgres, await governed.token())).socket
      : (await rawDirect({ ...governed.database, database: MIRROR })).socket,
  )

interface Played {
  readonly answers: readonly Answer[]
  readonly tables: unknown
}

/** Plays messages over a route from the same start every time. */
async function play(route: Route, moves: readonly Move[], cuts: readonly number[]): Promise<Played> {
  const place = routes.get(route)
  if (place === undefined) throw new Error('no such route')
  await place.admin.query(RESET)
  if (place.talker === null || place.talker.isClosed) place.talker = await open(route)
  const answers = await place.talker.talk(encodeMoves(moves), cuts, isFarewell())
  if (answers.at(-1)?.tag !== 'Z') {
    place.talker.close()
    await ended(place.admin)
  }
  const { rows } = await place.admin.query(CONTENTS)
  return { answers, tables: rows[0] }
}

/** A session that was ended may still be on its way out, with locks. */
async function ended(admin: Client): Promise<void> {
  const others =
    "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and query <> '' and (state = 'active' or xact_start is not null)"
  for (let tries = 0; tries < 200 && (await admin.query(others)).rows.length > 0; tries++)
    await new Promise(resolve => setTimeout(resolve, 10))
}

/** Starts both routes anew, so that nothing of a run that went wrong is left for the next. */
function startAnew(): void {
  for (const place of routes.values()) {
    place.talker?.close()
    place.talker = null
  }
}

const counted = { compared: 0, races: 0, refused: 0, ended: 0 }

/** Compares what the gateway made of messages with what the server makes of them; gives what is wrong. */
async function differences(script: readonly Move[], cuts: readonly number[]): Promise<string | null> {
  const moves = [...script, ...FAREWELL]
  const mine = await play('gateway', moves, cuts)
  const walked = walk(moves, mine.answers)
  if (walked.race !== null) {
    counted.races += 1
    return null
  }
  const reference = referenceFor(moves, walked)
  const theirs = await play('server', reference.moves, [])
  const [here, there] = [linesOf(mine.answers, walked), linesOf(theirs.answers, walked)]
  const isSame = here.length === there.length && here.every((line, i) => isLike(line, there[i]))
  if (!isSame) return tell('the answers differ', moves, here, reference.moves, there, walked.problem)
  if (walked.problem !== null) return tell(walked.problem, moves, here, reference.moves, there, walked.problem)
  if (JSON.stringify(mine.tables) !== JSON.stringify(theirs.tables))
    return `the tables differ:\n${JSON.stringify(mine.tables)}\n${JSON.stringify(theirs.tables)}\n${tell('', moves, here, reference.moves, there, null)}`
  counted.compared += 1
  if (walked.diedAt !== null) counted.ended += 1
  counted.refused += reference.disputed.length
  for (const dispute of reference.disputed.slice(0, 2)) {
    const problem = await isUnfounded(dispute)
    if (problem !== null) return problem
  }
  return null
}

interface Line {
  readonly text: string
  readonly isOfGateway: boolean
}

/** What is compared of answers. */
function linesOf(answers: readonly Answer[], { diedAt }: Walked): readonly Line[] {
  const lines = answers
    .filter(answer => !isDropped(answer))
    .map(answer => ({
      text: lineOf(answer),
      isOfGateway: isOfGateway(answer) || (answer.tag === 'E' && isByDesign(answer)),
    }))
    .filter(({ text }) => !OUT_OF_BLOCK.test(text))
    .filter(({ text }, i, all) => !isMoot(text, all[i + 1]?.text ?? ''))
  if (diedAt === null || lines.at(-1)?.text !== 'closed') return lines
  // In what words a session is ended is each one's own.
  const last = lines.findLastIndex(({ text }) => text !== 'closed' && !text.startsWith('E '))
  return lines.length - 2 > last ? [...lines.slice(0, last + 1), { text: 'ended', isOfGateway: false }] : lines
}

/**
 * What doesn't count on either side. A statement of a Query is described before it runs, and the server describes some
 * only when they have run: a description with an error for its only row. And the gateway lets a statement be done only
 * when the commit at the Sync behind it has worked, where the server says that it is, and then that it isn't.
 */
const isMoot = (text: string, next: string): boolean =>
  next.startsWith('E ') && (text.startsWith('T ') || (text.startsWith('C ') && next.includes('child_parent_fkey')))

/** The first of many statements in a Query is one by itself upstream, and the server warns that SET LOCAL is lost on it. */
const OUT_OF_BLOCK = /^N WARNING 25P01 SET \w+ can only be used in transaction blocks/

const isLike = (mine: Line, theirs: Line | undefined): boolean =>
  theirs !== undefined &&
  (mine.text === theirs.text ||
    // A place in a text that was rewritten means nothing to its writer, so none is told.
    mine.text === theirs.text.replace(/^(E .*) @\d+$/, '$1') ||
    // A FETCH that runs in the portal which it names finds it busy, or not yet there.
    (mine.text.startsWith('E ERROR 34000') && theirs.text.startsWith('E ERROR 55000')) ||
    (mine.isOfGateway && mine.text.startsWith('E ERROR') && theirs.text.startsWith('E ERROR')))

/** Whether the server would have taken what the gateway refused by itself. */
async function isUnfounded({ moves, from, answer }: Dispute): Promise<string | null> {
  const { answers } = await play('server', moves, [])
  const walked = walk(moves, answers)
  const part = walked.parts.find(one => one.from === from)
  const said = part?.error ?? null
  if (said === null && (walked.diedAt !== null || walked.race !== null)) return null
  // Of more than one fault the server may come upon another one first: a malformed message, a name that is taken, or
  // that the transaction has failed.
  const hasOneFault =
    part?.places.length === 1 &&
    moves[part.from]?.kind !== 'malformed' &&
    !['42P05', '42P03'].includes(sqlstateOf(answer)) &&
    (said === null || sqlstateOf(said.answer) !== '25P02')
  if (said !== null && (!hasOneFault || sqlstateOf(said.answer) === sqlstateOf(answer))) return null
  return [
    `the gateway said: ${lineOf(answer)}`,
    `the server said: ${said === null ? 'nothing against it' : lineOf(said.answer)}`,
    ...(walked.problem === null ? [] : [`in walking: ${walked.problem}`]),
    ...told(moves),
    ...answers.map(lineOf),
  ].join('\n')
}

const told = (moves: readonly Move[]): string[] =>
  moves.slice(0, -FAREWELL.length).map((move, i) => `  ${i} ${tellMove(move)}`)

function tell(
  what: string,
  moves: readonly Move[],
  here: readonly Line[],
  sent: readonly Move[],
  there: readonly Line[],
  problem: string | null,
): string {
  const at = here.findIndex((line, i) => !isLike(line, there[i]))
  const from = Math.max(0, at - 6)
  return [
    `${what}${problem === null ? '' : ` (${problem})`}`,
    'sent to the gateway:',
    ...told(moves),
    'sent to the server:',
    ...told(sent),
    `the gateway’s answers from ${from}, first difference at ${at}:`,
    ...here.slice(from, at + 6).map(({ text }) => `  ${text}`),
    'the server’s:',
    ...there.slice(from, at + 6).map(({ text }) => `  ${text}`),
  ].join('\n')
}

test(
  'P1, P2, P3, P4: any messages get the answers, and leave the tables, that the server itself would',
  async () => {
    const property = fc.asyncProperty(
      scripts(SERVED),
      fc.array(fc.nat(4_000), { maxLength: 12 }),
      async (script, cuts) => {
        const problem = await differences(script, cuts)
        if (problem === null) return
        startAnew()
        throw new Error(problem)
      },
    )
    await fc.assert(property, {
      seed: SEED,
      ...(RUNS > 0 ? { numRuns: RUNS } : { numRuns: 100_000, interruptAfterTimeLimit: SUITE_MS }),
    })
    // Most of what is thought up must be compared, and some of it refused, or this tests little.
    expect(counted.compared).toBeGreaterThan(RUNS > 0 ? 0 : 50)
    expect(counted.races).toBeLessThan(counted.compared / 10)
    if (RUNS > 0) process.stdout.write(`${JSON.stringify(counted)}\n`)
  },
  RUNS > 0 ? 36_000_000 : 120_000,
)
