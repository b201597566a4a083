import { type BackendMessage, columnNames, errorText, rowsIn } from './backend-message.ts'
import type { BenignCase } from './corpus-case.ts'
import type { CorpusDatabase } from './corpus-database.ts'
import type { LeakCorpusOptions } from './run-leak-corpus.ts'
import { runScript, type ScriptResult } from './run-script.ts'

/** One benign statement in one protocol. */
export interface BenignRun {
  readonly id: string
  readonly category: string
  readonly protocol: 'simple' | 'extended'
  /** What was wrong with the answer, or null where it is what the bare server gives. */
  readonly wrong: string | null
}

export interface BenignCorpusOptions {
  readonly login: LeakCorpusOptions['login']
  readonly database: CorpusDatabase
  readonly cases: readonly BenignCase[]
  readonly onProgress: (run: BenignRun) => void
}

/** Runs every benign statement through the endpoint and compares the answer with the expected one. */
export async function runBenignCorpus(options: BenignCorpusOptions): Promise<readonly BenignRun[]> {
  const { cases, database, login, onProgress } = options
  const runs: BenignRun[] = []
  await database.resetIfChanged()
  let hasChanged = false
  for (const benign of cases) {
    const protocols = benign.protocol === 'either' ? (['simple', 'extended'] as const) : [benign.protocol]
    for (const protocol of protocols) {
      const { id, category, role, sql, params } = benign
      const changes = CHANGES.test(JSON.stringify(sql))
      if (changes || hasChanged) await database.resetIfChanged()
      hasChanged = changes
      const result = await runScript(params === undefined || typeof sql !== 'string' ? sql : { ext: { sql, params } }, {
        role,
        protocol,
        login,
        database: database.name,
        serverPort: database.server.port,
        functionOid: signature => database.functionOid(signature),
      })
      const run = { id, category, protocol, wrong: whatIsWrong(benign, result) }
      runs.push(run)
      onProgress(run)
    }
  }
  return runs
}

/** Each such statement meets the database as it was made. */
const CHANGES = /insert|update|delete|merge|nextval|setval|create/i

function whatIsWrong({ compare, expect }: BenignCase, result: ScriptResult): string | null {
  if (result.refusedLogins[0] !== undefined) return `login refused: ${result.refusedLogins[0]}`
  const messages = result.exchanges.flatMap(exchange => exchange.messages)
  const error = messages.find(({ type }) => type === 'E')
  if (error !== undefined) return `blocked: ${errorText(error.body)}`
  if (result.exchanges.some(({ end }) => end !== 'ready')) return 'connection lost'
  switch (compare) {
    case 'shape':
      return difference('columns', columnsOf(messages), expect.columns)
    case 'rowcount':
      return difference('row count', rowsIn(messages).length, expect.rowCount)
    case 'exact':
      return (
        difference('rows', rowsIn(messages), expect.rows) ??
        (expect.copy === undefined ? null : difference('copied lines', copiedIn(messages), expect.copy))
      )
  }
}

const columnsOf = (messages: readonly BackendMessage[]): readonly (readonly string[])[] =>
  messages.filter(({ type }) => type === 'T').map(({ body }) => columnNames(body))

const copiedIn = (messages: readonly BackendMessage[]): readonly string[] =>
  messages.filter(({ type }) => type === 'd').map(({ body }) => body.toString('utf8'))

function difference(what: string, got: unknown, expected: unknown): string | null {
  const text = JSON.stringify(got)
  return text === JSON.stringify(expected) ? null : `${what} differ: ${text.slice(0, 200)}`
}
