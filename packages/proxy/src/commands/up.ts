import { loadConfig } from '../config/load.ts'
import { startGateway } from '../gateway.ts'
import { openLog } from '../log.ts'
import type { LogLevel } from '../log-level.ts'
import { EXIT } from './exit.ts'

/** Runs the gateway until SIGINT or SIGTERM. */
export async function up(options: { readonly config: string; readonly logLevel: LogLevel }): Promise<number> {
  const config = loadConfig(options.config)
  const gateway = await startGateway(config, { env: process.env, log: openLog(options.logLevel) })
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await gateway.stop()
  return EXIT.ok
}
