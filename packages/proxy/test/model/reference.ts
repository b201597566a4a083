import { type Answer, messageOf, sqlstateOf } from './answers.ts'
import { encodeMove, type Move } from './moves.ts'
import { PORTAL_NAMES, STATEMENT_NAMES } from './vocabulary.ts'
import type { Part, Walked } from './walk.ts'

/**
 * What the gateway refuses though the server would have taken it. Everything else that it refuses, the server must
 * refuse too. Each is replayed to the server as a message that fails there, so that all that follows is compared.
 */
export const REFUSED_BY_DESIGN: readonly { readonly sqlstate: string; readonly words: RegExp; readonly why: string }[] =
  [
    {
      sqlstate: '0A000',
      words: /transaction control must be alone/,
      why: 'P1: a text must not end the transaction that it began in; it can not be decided whole',
    },
    {
      sqlstate: '0A000',
      words: /COPY FROM STDIN must be alone/,
      why: 'P9: what follows COPY data in the same text can not be decided with it',
    },
    {
      sqlstate: '0A000',
      words: /function call protocol/,
      why: 'P7: it names functions by number, past every policy',
    },
    {
      sqlstate: '0A000',
      words: /COPY FROM STDIN runs in the simple protocol only/,
      why: 'P9: not served yet',
    },
    {
      sqlstate: '08P01',
      words: /limit of -1 rows is negative/,
      why: 'E3: a negative count is refused, where the server takes it for no limit',
    },
    {
      sqlstate: '42P03',
      words: /this portal name is taken/,
      why: 'P4: that a COMMIT or ROLLBACK TO in the same batch will have ended the portal is not known when it is decided',
    },
    {
      sqlstate: '0A000',
      words: /EXECUTE runs SELECT, VALUES, INSERT/,
      why: 'P4: SQL EXECUTE of a protocol statement runs what SQL PREPARE could have prepared',
    },
    {
      sqlstate: '25P01',
      words: /DECLARE CURSOR can only be used in transaction blocks/,
      why: 'P1: the first of many statements in a Query is one by itself upstream, so its cursor would not outlive it',
    },
  ]

export const isByDesign = (answer: Answer): boolean =>
  REFUSED_BY_DESIGN.some(({ sqlstate, words }) => sqlstate === sqlstateOf(answer) && words.test(messageOf(answer)))

/**
 * The server leaves the portal of a Query, or of a Bind, that failed lying about until its failed transaction ends. To
 * execute it shows nothing, or makes the server crash (seen with 18.4), so that is not tried.
 */
const isLeftOver = ({ status }: Part, answer: Answer): boolean => status === 'E' && sqlstateOf(answer) === '34000'

/**
 * How a session is left, whatever came before: out of COPY, in step, without names or a transaction. It shows a row
 * that nothing else shows, so that its end is known.
 */
export const FAREWELL: readonly Move[] = [
  { kind: 'copy-fail' },
  { kind: 'sync' },
  { kind: 'query', text: 'rollback' },
  { kind: 'query', text: 'close all' },
  { kind: 'query', text: 'deallocate all' },
  ...STATEMENT_NAMES.map((name): Move => ({ kind: 'close', what: 'statement', name })),
  ...PORTAL_NAMES.map((name): Move => ({ kind: 'close', what: 'portal', name })),
  { kind: 'sync' },
  { kind: 'query', text: 'reset timezone' },
  { kind: 'query', text: "select 'farewell' as farewell" },
]

/** Knows the last answer to {@link FAREWELL}. */
export function isFarewell(): (answer: Answer) => boolean {
  let isSaid = false
  return ({ tag, body }) => {
    isSaid ||= tag === 'D' && body.includes('farewell')
    return tag === 'Z' && isSaid
  }
}

export const encodeMoves = (moves: readonly Move[]): Buffer => Buffer.concat(moves.map(encodeMove))

/** Messages that fail at any server, each as the kind that it stands for does, and have no other effect. */
const FAILS: Move = { kind: 'bind', portal: '', statement: 'never', parameters: [], resultFormats: [] }
const QUERY_FAILS: Move = { kind: 'query', text: 'select 1/0 as refused' }
const DIES: Move = { kind: 'malformed', what: 'a tag that no message has' }

export interface Reference {
  readonly moves: readonly Move[]
  /** What the gateway refused by itself, and that the server would have refused is to be shown. */
  readonly disputed: readonly Dispute[]
}

export interface Dispute {
  /** What the server is sent up to there, and the place among it where the refused part begins. */
  readonly moves: readonly Move[]
  readonly from: number
  readonly answer: Answer
}

/** What the server is to be sent for its answers to be those that the gateway gave. */
export function referenceFor(moves: readonly Move[], { parts, diedAt }: Walked): Reference {
  const replaced = new Map<number, Move | null>()
  const disputed: { readonly part: Part; readonly answer: Answer }[] = []
  for (const part of parts) {
    if (part.error === null) continue
    const { answer, place, isOfGateway } = part.error
    if (!isOfGateway && !(isByDesign(answer) && isOfMany(moves[place]))) continue
    if (
      !isByDesign(answer) &&
      !isLeftOver(part, answer) &&
      !part.places.some(at => moves[at]?.kind === 'function-call')
    )
      disputed.push({ part, answer })
    for (const at of part.places) if (at >= place) replaced.set(at, null)
    replaced.set(place, part.kind === 'query' ? QUERY_FAILS : FAILS)
  }
  const upTo = (end: number): Move[] =>
    moves.slice(0, end).flatMap((move, at) => {
      const other = replaced.get(at)
      return other === undefined ? [move] : other === null ? [] : [other]
    })
  return {
    moves: diedAt === null ? upTo(moves.length) : [...upTo(diedAt), DIES],
    disputed: disputed.map(({ part, answer }) => {
      const before = upTo(part.from)
      const end = (part.places.at(-1) ?? part.from) + 1
      return {
        answer,
        from: before.length,
        moves: [...before, ...moves.slice(part.from, end), ...(part.kind === 'query' ? [] : [SYNC_MOVE]), ...FAREWELL],
      }
    }),
  }
}

const isOfMany = (move: Move | undefined): boolean => move?.kind === 'query' && move.text.includes(';')
const SYNC_MOVE: Move = { kind: 'sync' }
