import type { BackendMessage } from './backend-message.ts'
import { fieldsOf } from './backend-message.ts'
import type { Canaries, LeakCase, Role } from './corpus-case.ts'
import type { CorpusDatabase } from './corpus-database.ts'
import { hasLeaked } from './detect-leak.ts'
import type { Login } from './raw-connection.ts'
import { type CaseProtocol, runScript, type ScriptContext, type ScriptResult } from './run-script.ts'
import { isHarmless } from './side-effects.ts'

/**
 * What became of a case. `leaked`: the value, or what gives it away, arrived. `hidden`: it ran, and nothing of the kind
 * arrived. `denied`: the gateway refused at least a part of it. `caught`: its second wall dropped the result. `error`: it couldn't be judged, because the connection
 * was lost, refused otherwise or fell silent.
 */
export const VERDICTS = ['leaked', 'hidden', 'denied', 'caught', 'error'] as const
export type CaseVerdict = (typeof VERDICTS)[number]

/** One case in one protocol. */
export interface CaseRun {
  readonly id: string
  readonly category: string
  readonly leaks: LeakCase['leaks']
  readonly protocol: CaseProtocol
  readonly verdict: CaseVerdict
  /** What the server or gateway said first, for whoever looks into it. */
  readonly said: string
  readonly ms: number
}

export interface LeakCorpusOptions {
  /** Whom to log in as for a role at the endpoint under attack, which serves `database`. */
  readonly login: (role: Role) => Login
  readonly database: CorpusDatabase
  readonly cases: readonly LeakCase[]
  readonly canaries: Canaries
  /** How many harmless cases run at a time. */
  readonly parallel: number
  readonly onProgress: (run: CaseRun) => void
}

/** Runs every attack through the endpoint, in each protocol that it is meant for. */
export async function runLeakCorpus(options: LeakCorpusOptions): Promise<readonly CaseRun[]> {
  const { cases, database, parallel, onProgress } = options
  const runs: CaseRun[] = []
  const take = async (leakCase: LeakCase): Promise<void> => {
    for (const protocol of protocolsOf(leakCase)) {
      const run = await runCase(leakCase, protocol, options)
      runs.push(run)
      onProgress(run)
    }
  }
  const harmless = cases.filter(isHarmless)
  await database.resetIfChanged()
  const queue = harmless.values()
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const leakCase of queue) await take(leakCase)
    }),
  )
  for (const leakCase of cases) if (!harmless.includes(leakCase)) await take(leakCase)
  return runs
}

function protocolsOf({ protocol, sql }: LeakCase): readonly CaseRun['protocol'][] {
  if (protocol === 'either') return ['simple', 'extended', 'binary']
  // A list of steps names its messages itself.
  return protocol === 'extended' && !Array.isArray(sql) ? ['extended', 'binary'] : ['simple']
}

async function runCase(
  leakCase: LeakCase,
  protocol: CaseRun['protocol'],
  options: LeakCorpusOptions,
): Promise<CaseRun> {
  const { id, category, leaks } = leakCase
  const start = performance.now()
  const done = (verdict: CaseVerdict, said: string): CaseRun => {
    return { id, category, leaks, protocol, verdict, said, ms: performance.now() - start }
  }
  try {
    const result = await attack(leakCase.sql, leakCase, protocol, options)
    const control = leakCase.control === undefined ? null : await attack(leakCase.control, leakCase, protocol, options)
    return done(
      hasLeaked(leakCase, result, control, options.canaries) ? 'leaked' : verdictWithoutLeak(result),
      firstError(result),
    )
  } catch (error) {
    return done('error', String(error))
  }
}

async function attack(
  script: LeakCase['sql'],
  leakCase: LeakCase,
  protocol: CaseRun['protocol'],
  { database, login }: LeakCorpusOptions,
): Promise<ScriptResult> {
  const context: ScriptContext = {
    role: leakCase.role,
    protocol,
    login,
    database: database.name,
    serverPort: database.server.port,
    functionOid: signature => database.functionOid(signature),
  }
  if (isHarmless(leakCase)) return runScript(script, context)
  await database.resetIfChanged()
  const kept = await database.setUp(leakCase.setup ?? [])
  try {
    return await runScript(script, context)
  } finally {
    for (const connection of kept) connection.close()
    await database.cleanUp(leakCase.cleanup ?? [])
  }
}

function verdictWithoutLeak(result: ScriptResult): CaseVerdict {
  const errors = errorsOf(result)
  if (errors.some(isCaught)) return 'caught'
  if (errors.some(isRefusal) || errors.some(isFatalViolation) || result.refusedLogins.length > 0) return 'denied'
  return result.exchanges.every(({ end }) => end === 'ready') ? 'hidden' : 'error'
}

const errorsOf = ({ exchanges }: ScriptResult): readonly ReadonlyMap<string, string>[] =>
  exchanges
    .flatMap(({ messages }) => messages)
    .filter((message: BackendMessage) => message.type === 'E')
    .map(({ body }) => fieldsOf(body))

/** The gateway puts JSON into the detail of its refusals; PostgreSQL never does. */
export const isRefusal = (fields: ReadonlyMap<string, string>): boolean =>
  (fields.get('D') ?? '').startsWith('{"querywarden":')

/** What the second wall says when it ends a session. */
export const isCaught = (fields: ReadonlyMap<string, string>): boolean =>
  fields.get('V') === 'FATAL' && (fields.get('M') ?? '').startsWith('result dropped')

/** What breaks the protocol is refused by the end of the connection; PostgreSQL does the same. */
const isFatalViolation = (fields: ReadonlyMap<string, string>): boolean =>
  fields.get('V') === 'FATAL' && fields.get('C') === '08P01'

function firstError(result: ScriptResult): string {
  const fields = errorsOf(result)[0]
  if (fields !== undefined) return `${fields.get('C')} ${fields.get('M')}`
  return result.refusedLogins[0] ?? ''
}
