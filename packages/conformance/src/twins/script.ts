import type { BackendMessage } from '../attacks/backend-message.ts'
import * as frontend from '../attacks/frontend-message.ts'
import { type Login, RawConnection } from '../attacks/raw-connection.ts'

/** One statement, as it is sent. */
export interface TwinStep {
  readonly sql: string
  /** The simple protocol, or the extended one with results in text or in binary. */
  readonly mode: 'simple' | 'text' | 'binary'
  readonly params?: readonly (string | null)[]
}

/** Steps in one session. They are undone afterwards, unless it says `isKept`: then each is a transaction of its own. */
export interface TwinScript {
  readonly steps: readonly TwinStep[]
  readonly isKept: boolean
}

/** What came back for one step. */
export type Answer = readonly BackendMessage[]

const BEGIN_PART = { bytes: frontend.query('BEGIN'), isExtended: false }
const ROLLBACK_PART = { bytes: frontend.query('ROLLBACK'), isExtended: false }

const bytesOf = ({ sql, mode, params = [] }: TwinStep): Buffer =>
  mode === 'simple'
    ? frontend.query(sql)
    : frontend.extended({ sql, params, resultFormats: mode === 'binary' ? [1] : [] })

/** Data for the server, which must not follow before it asks for it. */
const wantsData = ({ sql }: TwinStep): boolean => /copy[\s\S]*\bstdin\b/i.test(sql)

/** Runs a script; gives an answer for each step. A connection that ends gives what it had said, and empty answers after. */
export async function runOn(connection: RawConnection, { steps, isKept }: TwinScript): Promise<readonly Answer[]> {
  const sent = steps.map(step => ({ bytes: bytesOf(step), isExtended: step.mode !== 'simple' }))
  const all = isKept ? sent : [BEGIN_PART, ...sent, ROLLBACK_PART]
  const whole = { bytes: Buffer.concat(all.map(({ bytes }) => bytes)), isExtended: false }
  const parts = steps.some(wantsData) ? all : [whole]
  const messages: BackendMessage[] = []
  for (const { bytes, isExtended } of parts) {
    const ready = parts.length === 1 ? all.length : 1
    const exchange = await connection.exchange(bytes, { ready, copyData: '1\tx\n', isExtended })
    messages.push(...exchange.messages)
    if (exchange.end !== 'ready') break
  }
  const answers = apart(messages)
  return steps.map((_, at) => answers[isKept ? at : at + 1] ?? [])
}

function apart(messages: readonly BackendMessage[]): readonly Answer[] {
  const answers: BackendMessage[][] = []
  let answer: BackendMessage[] = []
  for (const message of messages) {
    answer.push(message)
    if (message.type !== 'Z') continue
    answers.push(answer)
    answer = []
  }
  return answer.length === 0 ? answers : [...answers, answer]
}

/** Logs in. @throws Error with the reason where that is refused. */
export async function connectTo(login: Login): Promise<RawConnection> {
  const connection = new RawConnection(login)
  const refused = await connection.login(login)
  if (refused !== null) throw new Error(`no session: ${refused}`)
  return connection
}

/** What outlives a rollback, so that the next script must not meet it. */
export const leavesTraces = ({ steps, isKept }: TwinScript): boolean =>
  isKept || steps.some(({ sql }) => TRACES.test(sql))
// Code may do anything, and a text may hold several statements.
const TRACES =
  /^\W*(prepare|deallocate|discard|listen|unlisten|commit|end|rollback|abort|do|call|load)\b|;\s*\S|advisory|nextval|setval|lo_|set_config/i
