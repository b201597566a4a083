import type { Statement } from '@querywarden/policy-core'
import { keptConnection } from './kept-connection.ts'
import { askPlanner } from './postgres/ask-planner.ts'
import type { Upstream } from './postgres/upstream-login.ts'
import { after } from './timer.ts'

/** Asks the planner of one database, for all sessions on it. */
export interface RowEstimates {
  /**
   * How many rows the planner expects a statement to give or to change. Null where it can't be asked, doesn't say, or not in
   * time. Never rejects.
   *
   * @param asker - the session; it has one question at a time, so that all have their turn
   * @param settings - how its texts of dates and times are read
   */
  readonly ask: (asker: object, statement: Statement, settings: ReadonlyMap<string, string>) => Promise<number | null>
}

/** What a target may need beside the connections of its sessions. */
export const ESTIMATING_CONNECTIONS = 2
/** How long a connection is kept that nobody asks by, in milliseconds. */
const IDLE_MS = 60_000
/** From asking to the answer, with the wait for a connection and its login, in milliseconds. */
const DEADLINE_MS = 2_000
/** For the answer alone: somewhat more than the server is given for it. */
const ANSWER_MS = 1_000
/** Who comes when so many wait would not be heard in time. */
const WAITING_MAX = 256

interface Waiting {
  readonly asker: object
  readonly question: (upstream: Upstream) => Promise<number | null>
  readonly answer: (rows: number | null) => void
  /** Nobody waits for the answer any more. */
  isOver: boolean
}

/**
 * Keeps a few connections of the gateway's own to ask the planner by, so that nothing of it meets a session's transaction.
 * Questions are taken in the order that they came in, and each session has one at most: none holds up the others for long.
 *
 * @example
 * const estimates = rowEstimates({ logIn: () => logIn(new Map()) })
 * const rows = await estimates.ask(session, { dialect: 'postgres', text, params }, new Map())
 */
export function rowEstimates(options: { readonly logIn: () => Promise<Upstream> }): RowEstimates {
  const { logIn } = options
  const free = Array.from({ length: ESTIMATING_CONNECTIONS }, () => keptConnection({ logIn, idleMs: IDLE_MS }))
  const waiting: Waiting[] = []
  const asking = new WeakSet<object>()

  const next = (): void => {
    if (waiting.length === 0) return
    // The one that was used last, so that those that nobody needs are given up.
    const connection = free.pop()
    if (connection === undefined) return
    const one = waiting.shift()
    if (one === undefined || one.isOver) {
      free.push(connection)
      if (one !== undefined) asking.delete(one.asker)
      next()
      return
    }
    void connection
      .ask(ANSWER_MS, LATE, one.question)
      .catch(() => null)
      .then(rows => {
        free.push(connection)
        asking.delete(one.asker)
        one.answer(rows)
        next()
      })
  }

  return {
    ask: (asker, statement, settings) => {
      if (asking.has(asker) || waiting.length >= WAITING_MAX) return Promise.resolve(null)
      asking.add(asker)
      return new Promise(resolve => {
        const callOff = after(DEADLINE_MS, () => {
          one.isOver = true
          resolve(null)
        })
        const one: Waiting = {
          asker,
          question: upstream => askPlanner(upstream, statement, settings),
          answer: rows => {
            callOff()
            resolve(rows)
          },
          isOver: false,
        }
        waiting.push(one)
        next()
      })
    },
  }
}

const LATE = 'the database did not plan in time'
