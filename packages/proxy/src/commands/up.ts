import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { startGateway } from '../gateway.ts'
import { endOnFault } from '../last-resort.ts'
import { type Log, openLog } from '../log.ts'
import type { LogLevel } from '../log-level.ts'
import { startWorkers } from '../workers/primary.ts'
import { isWorker, serveAsWorker } from '../workers/worker.ts'
import { EXIT } from './exit.ts'

/** What is given here comes before the configuration, at the start and at every reload. */
export interface UpOptions {
  readonly config: string
  readonly logLevel?: LogLevel
  readonly workers?: number
}

/** Runs the gateway until SIGINT or SIGTERM, and reloads its configuration at SIGHUP. */
export async function up(options: UpOptions): Promise<number> {
  if (isWorker(process.env)) {
    await serveAsWorker()
    return EXIT.ok
  }
  const load = (): Config => {
    const config = loadConfig(options.config)
    return options.workers === undefined ? config : { ...config, workers: options.workers }
  }
  const logLevelOf = (config: Config): LogLevel => options.logLevel ?? config.log.level
  const config = load()
  const log = openLog(logLevelOf(config))
  // Node's own answer to it is to end; what is asked for before all is up is read by the start anyway.
  process.on('SIGHUP', () => undefined)
  const gateway = await start(config, log, logLevelOf)
  endOnFault({ log, stop: gateway.stop, exit: EXIT.finding })
  process.on('SIGHUP', () => {
    void gateway.reload(load).then(reloaded => {
      if (reloaded !== null) log.setLevel(logLevelOf(reloaded))
    })
  })
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await gateway.stop()
  return EXIT.ok
}

interface Running {
  readonly reload: (load: () => Config) => Promise<Config | null>
  readonly stop: () => Promise<void>
}

const start = (config: Config, log: Log, logLevelOf: (config: Config) => LogLevel): Promise<Running> =>
  config.workers === 1
    ? startGateway(config, { env: process.env, log })
    : startWorkers(config, { env: process.env, log, logLevelOf })
