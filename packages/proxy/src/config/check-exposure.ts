import { isThisHost } from '../loopback.ts'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'

/**
 * Refuses what would put a token or a development login within reach of the network.
 * @throws {ConfigError} `UNSAFE`
 */
export function checkExposure({ listen: { postgres, admin }, identity }: Config): void {
  if (!isThisHost(postgres.host) && identity.some(({ kind }) => kind === 'static')) {
    throw new ConfigError(
      'UNSAFE',
      'identity `static` is for development: it needs `listen.postgres.address` on 127.0.0.1 or [::1]',
    )
  }
  if (!isThisHost(postgres.host) && postgres.tls === null) {
    throw new ConfigError(
      'UNSAFE',
      '`listen.postgres.address` is not on this host alone, so it needs `tls`: tokens would cross the network in the clear',
    )
  }
  if (!isThisHost(admin.host)) {
    throw new ConfigError(
      'UNSAFE',
      '`listen.admin.address` must be on 127.0.0.1 or [::1]: the admin API has no TLS of its own yet, put a TLS proxy before it',
    )
  }
}
