import type { PostgresMajor, PostgresServer } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  COPY_DONE,
  encodeBind,
  encodeCancelRequest,
  encodeClose,
  encodeCopyData,
  encodeCopyFail,
  encodeDescribe,
  encodeExecute,
  encodeFunctionCall,
  encodeGssencRequest,
  encodeParse,
  encodeQuery,
  encodeSslRequest,
  encodeStartup,
  FLUSH,
  SYNC,
  TERMINATE,
} from '../../src/postgres/index.ts'
import { mutations } from './mutations.ts'
import { startTrustingServer } from './trusting-server.ts'
import { ourStartupVerdict, ourVerdict, ServerJudge, serverStartupVerdict, type Verdict } from './verdicts.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const bind = { portal: '', statement: 'two', parameters: [bytes('é'), null] }

/** Well-formed messages that a server takes without an error of form. */
const MESSAGES: Readonly<Record<string, Uint8Array>> = {
  Query: encodeQuery({ query: "select 'é'" }),
  'Query of nothing': encodeQuery({ query: '' }),
  Parse: encodeParse({ name: '', query: 'select $1, $2', parameterTypes: [23, 0] }),
  'Bind without formats': encodeBind({ ...bind, parameterFormats: [], resultFormats: [] }),
  'Bind with one format': encodeBind({ ...bind, parameterFormats: [0], resultFormats: [1] }),
  'Bind with formats': encodeBind({ ...bind, parameterFormats: [0, 1], resultFormats: [0, 1] }),
  'Describe of a statement': encodeDescribe({ kind: 'statement', name: 'two' }),
  'Describe of a portal': encodeDescribe({ kind: 'portal', name: '' }),
  'Close of a statement': encodeClose({ kind: 'statement', name: 'none' }),
  'Close of a portal': encodeClose({ kind: 'portal', name: '' }),
  Execute: encodeExecute({ portal: '', rowsMax: 1 }),
  // textcat(text, text): whatever its arguments hold is right in both formats.
  FunctionCall: encodeFunctionCall({
    functionOid: 1258,
    argumentFormats: [0, 1],
    arguments: [bytes('1'), bytes('23')],
    resultFormat: 'binary',
  }),
  Flush: FLUSH,
  Sync: SYNC,
  Terminate: TERMINATE,
}

const IN_COPY: Readonly<Record<string, Uint8Array>> = {
  CopyData: encodeCopyData({ data: bytes('x\n') }),
  CopyFail: encodeCopyFail({ reason: 'nö' }),
  CopyDone: COPY_DONE,
}

const trusted = new Map([
  ['user', 'trusted'],
  ['database', 'postgres'],
])

const PACKETS: Readonly<Record<string, Uint8Array>> = {
  'StartupMessage 3.0': encodeStartup(trusted),
  'StartupMessage 3.2': encodeStartup(new Map([...trusted, ['_pq_.x', '']]), { minor: 2 }),
  CancelRequest: encodeCancelRequest(1, Uint8Array.of(1, 2, 3, 4)),
  SSLRequest: encodeSslRequest(),
  GSSENCRequest: encodeGssencRequest(),
}

/** Pairs of verdicts, counted: `ours/theirs`. */
type Counts = Record<string, number>

const looser = (ours: Verdict, theirs: Verdict): boolean =>
  theirs === 'refused' && ours !== 'refused' && ours !== 'ends'

const told = (counts: Counts): string =>
  Object.entries(counts)
    .map(([pair, count]) => `${pair} ${count}`)
    .join(', ')

describe.each<PostgresMajor>([15, 18])('E3 beside PostgreSQL %d', major => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startTrustingServer(major)
  })
  afterAll(() => server?.stop())

  test.each(Object.entries(MESSAGES))('%s: what the server refuses is refused', async (name, message) => {
    const judge = new ServerJudge(server.port, false)
    // Another function's OID is well formed, and then its types may refuse what the arguments hold.
    const damaged = [message, ...mutations(message, 1, name === 'FunctionCall' ? 4 : 0)]
    const { counts, found } = await compare(damaged, ourVerdict, [one => judge.verdict(one)])
    await judge.close()
    expect(found, told(counts)).toEqual([])
    expect(counts['refused/refused']).toBeGreaterThan(0)
  })

  test.each(Object.entries(IN_COPY))('%s within a COPY: what the server refuses is refused', async (_, message) => {
    const judge = new ServerJudge(server.port, true)
    const damaged = [message, ...mutations(message, 1)]
    const { counts, found } = await compare(damaged, ourVerdict, [one => judge.verdict(one)])
    await judge.close()
    expect(found, told(counts)).toEqual([])
    expect(counts['refused/refused']).toBeGreaterThan(0)
  })

  test.each(Object.entries(PACKETS))('%s: what the server refuses is refused', async (_, packet) => {
    // Each costs a process of the server; with a step that is prime, every field still gets its share.
    const damaged = [packet, ...[...mutations(packet, 0)].filter((_one, i) => packet.length < 20 || i % 7 === 0)]
    const askers = Array.from({ length: 6 }, () => (one: Uint8Array) => serverStartupVerdict(server.port, one))
    const { counts, found } = await compare(damaged, ourStartupVerdict, askers)
    expect(found, told(counts)).toEqual([])
    expect(counts['refused/refused']).toBeGreaterThan(0)
  })

  test('a tag that the server refuses is refused', async () => {
    const judges = Array.from({ length: 6 }, () => new ServerJudge(server.port, false))
    const frames = Array.from({ length: 256 }, (_, tag) => Uint8Array.of(tag, 0, 0, 0, 4))
    const { counts, found } = await compare(
      frames,
      ourVerdict,
      judges.map(judge => one => judge.verdict(one)),
    )
    await Promise.all(judges.map(judge => judge.close()))
    expect(found, told(counts)).toEqual([])
    expect(counts['refused/refused']).toBeGreaterThan(200)
  })
})

type Ask = (bytes: Uint8Array) => Promise<Verdict>

/** Asks both about each, the server through as many askers as there are; gives the bytes that only the server refused. */
async function compare(
  damaged: readonly Uint8Array[],
  ours: (bytes: Uint8Array) => Verdict,
  askers: readonly Ask[],
): Promise<{ readonly counts: Counts; readonly found: readonly string[] }> {
  const counts: Counts = {}
  const found: string[] = []
  const queue = damaged.values()
  const work = async (ask: Ask): Promise<void> => {
    for (const one of queue) {
      const mine = ours(one)
      // Nobody can say yet: a server would wait for the rest, too.
      const servers = mine === 'waits' ? 'waits' : await ask(one)
      const pair = `${mine}/${servers}`
      counts[pair] = (counts[pair] ?? 0) + 1
      if (looser(mine, servers)) found.push(Buffer.from(one).toString('hex'))
    }
  }
  await Promise.all(askers.map(work))
  return { counts, found }
}
