import cluster, { type Worker } from 'node:cluster'
import type { Log } from '../log.ts'
import type { PrimaryMethods, WorkerMethods } from './methods.ts'
import { type Handlers, openPeer, type Peer } from './peer.ts'
import { WORKER_MARK } from './worker.ts'

/** A worker's process, as its primary has it. */
export interface WorkerProcess {
  readonly pid: number
  readonly peer: Peer<WorkerMethods>
  /** Resolves once it has ended, with its exit code or null where a signal ended it. */
  readonly ended: Promise<number | null>
  readonly kill: () => void
}

/**
 * Starts another process of this command, which shares the listening socket and serves as it is told.
 * @throws Error the system makes no process now: it is short of memory, or this process of descriptors.
 */
export function forkWorker(handlers: Handlers<PrimaryMethods>, log: Log): WorkerProcess {
  // `advanced` copies as structured clone does: bytes of parameters stay bytes.
  cluster.setupPrimary({ serialization: 'advanced' })
  const worker: Worker = cluster.fork({ [WORKER_MARK]: '1' })
  // Not only before it runs: one that can't be written to any more tells so here, and that it has ended apart.
  worker.on('error', error => {
    if (worker.process.pid === undefined) log.error({ error }, 'the system makes no process for a worker')
  })
  // What never ran never exits either, and Node says so by an error alone.
  const { pid } = worker.process
  if (pid === undefined) throw new Error('the system makes no process for a worker')
  const ended = new Promise<number | null>(resolve => worker.once('exit', code => resolve(code)))
  const peer = openPeer<PrimaryMethods, WorkerMethods>({
    send: message => worker.send(message),
    onMessage: listener => worker.on('message', listener),
    onGone: listener => {
      worker.once('disconnect', listener)
      void ended.then(listener)
    },
    handlers,
    onFailure: error => log.warn({ error, pid }, 'the primary could not do what a worker asked'),
  })
  return { pid, peer, ended, kill: () => worker.process.kill('SIGKILL') }
}
