import { COPY_DONE, encodeCopyData, encodeCopyFail, encodeQuery, FLUSH, SYNC } from '@querywarden/wire/postgres'
import { bind, describePortal, execute, parse, type RawClient, rawLogin, runUnnamed } from '../raw-client.ts'
import type { Dice } from './dice.ts'

/** Marks every statement by a name in it: names are recorded, literals are not. Never the same twice. */
export interface Marks {
  next: number
}

/** A client that does this and that, one thing after the other, until it is told to stop or its session is gone. */
export interface Worker {
  readonly client: RawClient
  /** Resolves with how it ended: it was told to stop, or the session was closed. */
  readonly done: Promise<'stopped' | 'closed'>
  readonly stop: () => void
}

export async function startWorker(port: number, token: string, chance: Dice, marks: Marks): Promise<Worker> {
  const client = await rawLogin({ host: '127.0.0.1', port }, token)
  let isStopped = false
  const work = async (): Promise<'stopped' | 'closed'> => {
    while (!isStopped) if (!(await chance.pick(JOBS)(client, marks, chance))) return 'closed'
    return 'stopped'
  }
  return {
    client,
    done: work(),
    stop: () => {
      isStopped = true
    },
  }
}

/** Does something, and says whether the session still is. */
type Job = (client: RawClient, marks: Marks, chance: Dice) => Promise<boolean>

const query = (text: string): Uint8Array => encodeQuery({ query: text })
const isOpen = (lines: readonly string[]): boolean => lines.at(-1) !== 'closed'
const answered = async (client: RawClient, ...messages: readonly Uint8Array[]): Promise<boolean> => {
  client.send(...messages)
  return isOpen(await client.until('Z'))
}
const insert = (marks: Marks): string => {
  marks.next += 1
  return `insert into notes select ${marks.next}, 'tag_${marks.next}' as tag_${marks.next}`
}
const read = (marks: Marks, from: string): string => {
  marks.next += 1
  return `select ${from} as tag_${marks.next}`
}

const JOBS: readonly Job[] = [
  (client, marks) => answered(client, query(insert(marks))),
  (client, marks) => answered(client, query(`${insert(marks)}; ${read(marks, '1')}; ${insert(marks)}`)),
  (client, marks) =>
    answered(client, runUnnamed(insert(marks)), runUnnamed(read(marks, '2')), runUnnamed(insert(marks)), SYNC),
  (client, marks) => answered(client, runUnnamed(insert(marks)), runUnnamed(read(marks, '1/0')), SYNC),
  // Rows in number, and work that takes a while.
  (client, marks) => answered(client, query(`${read(marks, "repeat('x', 1000)")} from generate_series(1, 3000)`)),
  (client, marks) => answered(client, query(`${read(marks, 'count(*)')} from generate_series(1, 300000)`)),
  (client, marks) => answered(client, query(`copy (${read(marks, 'id')} from notes) to stdout`)),
  async (client, marks, chance) => {
    if (!(await answered(client, query('begin')))) return false
    for (let i = chance.roll(4); i >= 0; i--) if (!(await answered(client, query(insert(marks))))) return false
    return answered(client, query(chance.pick(['commit', 'commit', 'rollback'])))
  },
  // A portal that stops half-way, in a transaction.
  async (client, marks) => {
    const text = `${read(marks, 'n')} from generate_series(1, 10) n`
    if (
      !(await answered(
        client,
        query('begin'),
        parse('', text),
        bind('p', ''),
        describePortal('p'),
        execute('p', 2),
        SYNC,
      ))
    )
      return false
    if (!isOpen(await client.until('Z'))) return false
    client.send(execute('p', 3), FLUSH)
    if (!isOpen(await client.until('s', 'E'))) return false
    return (await answered(client, SYNC)) && answered(client, query('commit'))
  },
  async (client, marks, chance) => {
    marks.next += 1
    client.send(query('copy notes from stdin'))
    const begun = await client.until('G', 'Z')
    if (!isOpen(begun)) return false
    if (begun.at(-1)?.startsWith('Z')) return true
    for (let i = chance.roll(5); i >= 0; i--)
      client.send(encodeCopyData({ data: Buffer.from(`${marks.next}\tcopied\n`) }))
    // More than one row of a number violates the key: the COPY fails at its end.
    return answered(client, chance.pick([COPY_DONE, COPY_DONE, encodeCopyFail({ reason: 'enough' })]))
  },
]
