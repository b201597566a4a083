import type { Server } from 'node:net'
import { type ServerType, serve } from '@hono/node-server'
import type { Address } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'

/**
 * Makes a server listen, and gives where it really does.
 * @throws {ConfigError} `UNREADABLE`, with the key that names the address.
 */
export function listenOn(server: Server, address: Address, key: string): Promise<Address> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(bindingError(error, address, key))
    server.once('error', failed)
    server.listen(address.port, address.host, () => {
      server.off('error', failed)
      resolve(boundAddress(server.address(), address))
    })
  })
}

/** An HTTP server that listens. */
export interface HttpListener {
  readonly server: ServerType
  readonly address: Address
}

/** @throws {ConfigError} as {@link listenOn} does. */
export function listenForHttp(
  fetch: Parameters<typeof serve>[0]['fetch'],
  address: Address,
  key: string,
): Promise<HttpListener> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: address.host, port: address.port }, info => {
      server.off('error', failed)
      resolve({ server, address: { host: address.host, port: info.port } })
    })
    const failed = (error: Error): void => reject(bindingError(error, address, key))
    server.once('error', failed)
  })
}

const boundAddress = (bound: ReturnType<Server['address']>, wanted: Address): Address =>
  bound !== null && typeof bound === 'object' ? { host: wanted.host, port: bound.port } : wanted

const bindingError = (error: Error, { host, port }: Address, key: string): ConfigError => {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  const why = code === 'EADDRINUSE' ? 'the port is taken; stop what listens there or choose another' : code
  return new ConfigError('UNREADABLE', `\`${key}.address\`: can't listen on ${host}:${port}: ${why}`)
}
