import { setTimeout as sleep } from 'node:timers/promises'
import type { ExtendedStep, Role, Script, Step } from './corpus-case.ts'
import * as frontend from './frontend-message.ts'
import { filledIn, type Places } from './placeholders.ts'
import { type Exchange, type Login, RawConnection } from './raw-connection.ts'

/** How statements are sent: simple, or extended with results in text or in binary. */
export type CaseProtocol = 'simple' | 'extended' | 'binary'

/** How a script reaches the database. */
export interface ScriptContext extends Places {
  readonly role: Role
  /** The protocol in which plain strings are sent. */
  readonly protocol: CaseProtocol
  /** Whom to log in as for the role, at the endpoint under attack. */
  readonly login: (role: Role) => Login
  /** Resolves a function's signature to its object id, on a direct connection. */
  readonly functionOid: (signature: string) => Promise<number>
}

/** All that one run of a script got back. */
export interface ScriptResult {
  readonly exchanges: readonly Exchange[]
  /** Every byte of every connection. */
  readonly received: readonly Buffer[]
  /** Why a connection was refused, for each that was. */
  readonly refusedLogins: readonly string[]
}

const NOTHING: Exchange = { messages: [], ms: 0, end: 'closed' }

/** Runs the steps in order. An error in a step doesn't stop the others. */
export async function runScript(script: Script, context: ScriptContext): Promise<ScriptResult> {
  const run = new ScriptRun(context)
  try {
    const exchanges: Exchange[] = []
    for (const step of stepsOf(script, context)) exchanges.push(await run.take(step))
    // What the server says of its own accord arrives when the last exchange is over.
    await sleep(5)
    return { exchanges, received: run.received, refusedLogins: run.refusedLogins }
  } finally {
    run.close()
  }
}

const stepsOf = (script: Script, places: Places): readonly Step[] =>
  JSON.parse(filledIn(JSON.stringify(Array.isArray(script) ? script : [script]), places))

class ScriptRun {
  readonly #context: ScriptContext
  readonly #opened: RawConnection[] = []
  readonly #current = new Map<string, RawConnection>()
  readonly refusedLogins: string[] = []

  constructor(context: ScriptContext) {
    this.#context = context
  }

  get received(): readonly Buffer[] {
    return this.#opened.map(connection => connection.received)
  }

  async take(step: Step): Promise<Exchange> {
    const key = typeof step === 'string' ? 'A' : (step.conn ?? 'A')
    if (typeof step !== 'string' && 'reconnect' in step) {
      this.#current.get(key)?.close()
      await this.#connect(key, step.reconnect === true ? {} : step.reconnect)
      return { ...NOTHING, end: 'ready' }
    }
    const open = this.#current.get(key)
    const connection = open === undefined || open.isClosed ? await this.#connect(key, {}) : open
    return connection === null ? NOTHING : this.#send(connection, step)
  }

  close(): void {
    for (const connection of this.#opened) connection.close()
  }

  async #connect(key: string, params: Readonly<Record<string, string>>): Promise<RawConnection | null> {
    const login = this.#context.login(this.#context.role)
    const connection = new RawConnection(login)
    this.#opened.push(connection)
    this.#current.set(key, connection)
    const refused = await connection.login(login, params)
    if (refused === null) return connection
    this.refusedLogins.push(refused)
    connection.close()
    return null
  }

  /** A step that doesn't ask for a format gets that of the run. */
  #inFormat(step: ExtendedStep): ExtendedStep {
    return this.#context.protocol === 'binary' && step.resultFormats === undefined
      ? { ...step, resultFormats: [1] }
      : step
  }

  async #send(connection: RawConnection, step: Step): Promise<Exchange> {
    if (typeof step === 'string') {
      const isExtended = this.#context.protocol !== 'simple'
      const bytes = isExtended ? frontend.extended(this.#inFormat({ sql: step })) : frontend.query(step)
      return connection.exchange(bytes, { ready: 1, copyData: undefined, isExtended })
    }
    const { copyData } = step
    if ('simple' in step) return connection.query(step.simple, copyData)
    if ('ext' in step) {
      return connection.exchange(frontend.extended(this.#inFormat(step.ext)), { ready: 1, copyData, isExtended: true })
    }
    if ('msgs' in step) {
      const ready = step.msgs.filter(([type]) => type === 'S' || type === 'Q').length
      const bytes = Buffer.concat(step.msgs.map(frontend.rawMessage))
      return connection.exchange(bytes, { ready, copyData, isExtended: true })
    }
    if ('fastpath' in step) {
      const { fn, args, fmt = 0 } = step.fastpath
      const bytes = frontend.functionCall(await this.#context.functionOid(fn), args, fmt)
      return connection.exchange(bytes, { ready: 1, copyData, isExtended: false })
    }
    if ('replication' in step) return connection.query(step.replication)
    throw new Error('a step that reconnects is taken elsewhere')
  }
}
