import { loadConfig } from '../config/load.ts'
import { startGateway } from '../gateway.ts'
import { endOnFault } from '../last-resort.ts'
import { openLog } from '../log.ts'
import type { LogLevel } from '../log-level.ts'
import { EXIT } from './exit.ts'

export interface UpOptions {
  readonly config: string
  /** Comes before the configuration's, at the start and at every reload. */
  readonly logLevel?: LogLevel
}

/** Runs the gateway until SIGINT or SIGTERM, and reloads its configuration at SIGHUP. */
export async function up(options: UpOptions): Promise<number> {
  const load = () => loadConfig(options.config)
  const config = load()
  const log = openLog(options.logLevel ?? config.log.level)
  // Node's own answer to it is to end; what is asked for before all is up is read by the start anyway.
  process.on('SIGHUP', () => undefined)
  const gateway = await startGateway(config, { env: process.env, log })
  endOnFault({ log, stop: gateway.stop, exit: EXIT.finding })
  process.on('SIGHUP', () => {
    void gateway.reload(load).then(reloaded => {
      if (reloaded !== null) log.setLevel(options.logLevel ?? reloaded.log.level)
    })
  })
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await gateway.stop()
  return EXIT.ok
}
