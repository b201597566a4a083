import cluster from 'node:cluster'
import type { Approver, Clock } from '@querywarden/policy-core'
import { Registry } from 'prom-client'
import { EXIT } from '../commands/exit.ts'
import { ConfigError } from '../config/config-error.ts'
import { type Core, openCore } from '../core.ts'
import type { Fellows } from '../fellows.ts'
import { endOnFault } from '../last-resort.ts'
import { type Log, logOfWorker, openLog } from '../log.ts'
import { after } from '../timer.ts'
import type { Assignment, PrimaryMethods, WorkerMethods } from './methods.ts'
import { type Handlers, openPeer, type Peer } from './peer.ts'
import { reloading } from './reloading.ts'

/** Set in the environment of the processes that a primary starts. */
export const WORKER_MARK = 'QUERYWARDEN_WORKER'
const BEAT_MS = 1_000
/** Beyond what sessions have to come to an end, for recordings to be closed. */
export const STOP_MS_MORE = 15_000

/** Whether this process was started to serve under a primary of ours, and not under any other manager of processes. */
export const isWorker = (env: NodeJS.ProcessEnv): boolean => cluster.isWorker && env[WORKER_MARK] === '1'

/** Serves clients as the primary says, until it says to stop or is gone. Ends the process. */
export async function serveAsWorker(): Promise<void> {
  const life = new WorkerLife()
  const primary = openPeer<WorkerMethods, PrimaryMethods>({
    send: message => process.send?.(message),
    onMessage: listener => process.on('message', listener),
    onGone: listener => {
      cluster.worker?.once('disconnect', () => {
        listener()
        life.orphan()
      })
    },
    handlers: handlersOf(life),
    onFailure: error => life.log?.error({ error }, 'this worker could not do what the primary asked'),
  })
  const assignment = await primary.call('assignment', null)
  const log = logOfWorker(openLog(assignment.logLevel), assignment.worker)
  life.log = log
  endOnFault({ log, stop: () => life.stop(), exit: EXIT.finding })
  // A terminal sends it to all of its processes; the primary tells what is to be done.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  process.on('SIGTERM', () => life.stopAndExit())
  const core = await openAssigned(assignment, primary, log)
  life.core = core
  await primary.call('ready', { postgres: core.postgres })
  keepBeating(core, primary)
}

/** From its start to its end. */
class WorkerLife {
  core: Core | null = null
  log: Log | null = null
  #stopping: Promise<void> | null = null

  /** @throws Error it does not serve yet. */
  serving(): Core {
    if (this.core === null) throw new Error('this worker does not serve yet')
    return this.core
  }

  stop(): Promise<void> {
    this.#stopping ??= this.core?.stop() ?? Promise.resolve()
    return this.#stopping
  }

  stopAndExit(): void {
    // Nobody may be there any more to end what doesn't come to an end.
    const drainMsMax = this.core?.inForce().config.limits.drainMsMax ?? 0
    after(drainMsMax + STOP_MS_MORE, () => process.exit(EXIT.finding))
    void this.stop().then(
      () => process.exit(EXIT.ok),
      () => process.exit(EXIT.finding),
    )
  }

  /** The primary is gone. */
  orphan(): void {
    // Whoever told it to stop and is gone now wants it to be over.
    if (this.#stopping !== null) process.exit(EXIT.finding)
    // Node would end the process here and now, with every recording open.
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true
    this.log?.error({}, 'the primary process is gone: sessions come to an end')
    this.stopAndExit()
  }
}

async function openAssigned(assignment: Assignment, primary: Peer<PrimaryMethods>, log: Log): Promise<Core> {
  const clock: Clock = { now: Date.now, monotonic: () => performance.now() }
  try {
    return await openCore(assignment.sources, {
      env: process.env,
      log,
      clock,
      approve: approverBy(primary),
      registry: new Registry(),
      fellows: fellowsBy(primary, assignment),
    })
  } catch (error) {
    if (error instanceof ConfigError) await primary.call('unable', { code: error.code, message: error.message })
    else log.error({ error }, 'this worker could not start')
    process.exit(EXIT.misuse)
  }
}

/** People are asked by the primary. An answer that comes when the asker has left is used up, and lets nothing run. */
const approverBy =
  (primary: Peer<PrimaryMethods>): Approver =>
  async (question, signal, onPending) => {
    const answer = await primary.call('approve', question, { signal, onNote: onPending })
    return signal.aborted ? { kind: 'withdrawn', request: answer.request } : answer
  }

const fellowsBy = (primary: Peer<PrimaryMethods>, { worker, workers }: Assignment): Fellows => ({
  worker,
  workers,
  seat: async identity => {
    const granted = await primary.call('seat', { identity })
    if (granted.kind === 'refused') return granted
    const { seat } = granted
    return {
      kind: 'taken',
      leave: () => {
        // A primary that is gone has no places to count.
        primary.call('leave', { seat }).catch(() => undefined)
      },
    }
  },
  cancel: request => primary.call('cancel', request),
  schemaChanged: async target => {
    await primary.call('schemaChanged', { target })
  },
})

function handlersOf(life: WorkerLife): Handlers<WorkerMethods> {
  return {
    ...reloading({
      prepare: sources => life.serving().prepare(sources),
      setLevel: level => life.log?.setLevel(level),
    }),
    cancel: async request => life.serving().cancel(request),
    forgetSchema: async ({ target }) => {
      life.serving().forgetSchema(target)
      return null
    },
    metrics: () => life.serving().metrics(),
    stop: async () => {
      life.stopAndExit()
      return null
    },
  }
}

/** Says once a second that the event loop turns, and whether sessions are taken. */
function keepBeating(core: Core, primary: Peer<PrimaryMethods>): void {
  let notReady: readonly string[] = []
  let isLooking = false
  setInterval(() => {
    primary.call('alive', { notReady }).catch(() => undefined)
    if (isLooking) return
    isLooking = true
    void core.notReady().then(reasons => {
      notReady = reasons
      isLooking = false
    })
  }, BEAT_MS).unref()
}
