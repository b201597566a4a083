import type { BackendMessage } from '../attacks/backend-message.ts'
import { cellsOf, columnNames, fieldsOf } from '../attacks/backend-message.ts'
import { isRefusal } from '../attacks/run-leak-corpus.ts'
import type { Answer } from './script.ts'

/** How two answers differ: in bytes; or, with the same rows, in their order. */
export type Difference = 'bytes' | 'order'

/** What must differ between two servers and has nothing to do with the data. */
export interface Surroundings {
  readonly ports: readonly number[]
  /** Relations with higher ids were made by scripts: ids then go apart with what either server did in between. */
  readonly oidMax: number
}

/** How the answers of the two sides differ; null where the client can't tell them apart. */
export function differenceOf(left: Answer, right: Answer, surroundings: Surroundings): Difference | null {
  if (isSame(left, right)) return null
  const [ours, theirs] = [left.map(normal(surroundings)), right.map(normal(surroundings))]
  if (isSame(ours, theirs)) return null
  return isSame(sorted(ours), sorted(theirs)) ? 'order' : 'bytes'
}

const isSame = (left: Answer, right: Answer): boolean =>
  left.length === right.length &&
  left.every(({ type, body }, at) => type === right[at]?.type && body.equals(right[at].body))

/** The two servers listen at ports of their own. */
const normal =
  ({ ports, oidMax }: Surroundings) =>
  ({ type, body }: BackendMessage): BackendMessage => {
    if (type === 'T') return { type, body: withoutNewIds(body, oidMax) }
    const text = body.toString('latin1')
    const found = ports.filter(port => text.includes(String(port)))
    if (found.length === 0) return { type, body }
    const replaced = found.reduce((sofar, port) => sofar.replaceAll(String(port), 'PORT'), text)
    return { type, body: Buffer.from(replaced, 'latin1') }
  }

/** A RowDescription with no ids of relations beyond the highest that both sides were made with. */
function withoutNewIds(body: Buffer, oidMax: number): Buffer {
  const known = Buffer.from(body)
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at)
    if (body.readUInt32BE(end + 1) > oidMax) known.writeUInt32BE(0, end + 1)
    // Table, attribute, type, size, modifier and format follow the name: 18 bytes.
    at = end + 19
  }
  return known
}

/** Rows of each result in the order of their bytes; all else where it is. */
function sorted(answer: Answer): Answer {
  const found: BackendMessage[] = []
  let rows: BackendMessage[] = []
  for (const message of answer) {
    if (message.type === 'D' || message.type === 'd') {
      rows.push(message)
      continue
    }
    found.push(...rows.sort((a, b) => a.body.compare(b.body)), message)
    rows = []
  }
  return [...found, ...rows.sort((a, b) => a.body.compare(b.body))]
}

/** What became of a statement: the gateway refused it, ended the session over it, the server failed it, or it ran. */
export type Fate = 'refused' | 'ended' | 'failed' | 'ran'

export function fateOf(answer: Answer): Fate {
  const errors = answer.filter(({ type }) => type === 'E').map(({ body }) => fieldsOf(body))
  if (errors.some(isRefusal)) return 'refused'
  if (answer.at(-1)?.type !== 'Z') return 'ended'
  return errors.length > 0 ? 'failed' : 'ran'
}

/** An answer for people to read, one message a line. */
export const decoded = (answer: Answer): readonly string[] => answer.map(lineOf)

function lineOf({ type, body }: BackendMessage): string {
  switch (type) {
    case 'D':
      return `D ${JSON.stringify(cellsOf(body))}`
    case 'T':
      return `T ${JSON.stringify(columnNames(body))} ${body.toString('hex')}`
    case 'E':
    case 'N':
      return `${type} ${JSON.stringify(Object.fromEntries(fieldsOf(body)))}`
    default:
      return `${type} ${JSON.stringify(body.toString('latin1'))}`
  }
}
