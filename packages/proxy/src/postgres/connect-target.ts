import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { encodeSslRequest } from '@querywarden/wire/postgres'
import type { ReachedTarget } from '../config/config.ts'
import { ALPN_POSTGRESQL, KEEP_ALIVE } from '../socket-settings.ts'
import { nameLookup } from './name-lookup.ts'
import { UpstreamError } from './upstream-error.ts'

/** Opens a socket to a target: TCP, then TLS where the target has it. A failure leaves no socket open. */
export async function connectTarget(target: ReachedTarget, signal: AbortSignal): Promise<Socket> {
  const { address } = target
  // Node asks for no lookup where the address is none of names.
  const socket = connectTcp({ ...address, ...KEEP_ALIVE, signal, noDelay: true, lookup: lookupOf(target) })
  // Between two owners of the socket a reset would otherwise be nobody's, and end the whole gateway (threats E11).
  socket.on('error', () => undefined)
  try {
    await settled(socket, 'connect', 'UNREACHABLE', `target \`${target.name}\` can't be reached`)
    return target.tls.mode === 'off' ? socket : await secure(socket, target, target.tls.ca)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

const lookups = new WeakMap<ReachedTarget, LookupFunction>()

function lookupOf(target: ReachedTarget): LookupFunction {
  const known = lookups.get(target)
  if (known !== undefined) return known
  const made = nameLookup({
    resolve: name => lookup(name, { all: true }),
    monotonic: () => performance.now(),
  })
  lookups.set(target, made)
  return made
}

async function secure(socket: Socket, target: ReachedTarget, ca: string | null): Promise<TLSSocket> {
  await requestTls(socket, target.name)
  const { host } = target.address
  const secured = connectTls({
    socket,
    host,
    servername: isIP(host) === 0 ? host : '',
    minVersion: 'TLSv1.2',
    ALPNProtocols: [...ALPN_POSTGRESQL],
    // Said, so that no environment variable can say otherwise.
    rejectUnauthorized: true,
    ...(ca === null ? {} : { ca }),
  })
  secured.on('error', () => undefined)
  try {
    await settled(secured, 'secureConnect', 'TLS', `TLS to target \`${target.name}\` failed`)
    return secured
  } catch (error) {
    secured.destroy()
    throw error
  }
}

async function requestTls(socket: Socket, name: string): Promise<void> {
  socket.write(encodeSslRequest())
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('close', () =>
      reject(new UpstreamError('TLS', `target \`${name}\` closed the connection instead of answering the TLS request`)),
    )
  })
  // Anything after the one answering byte was put there before encryption began (CVE-2021-23222).
  if (answer.length !== 1) throw new UpstreamError('TLS', `target \`${name}\` sent data before the TLS handshake`)
  if (answer[0] !== 0x53)
    throw new UpstreamError('TLS', `target \`${name}\` offers no TLS, and its configuration asks for it`)
  socket.removeAllListeners('data')
}

function settled(socket: Socket, event: string, code: UpstreamError['code'], what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error & { readonly code?: string }): void =>
      reject(new UpstreamError(code, `${what} (${error.code ?? error.name})`))
    const onClose = (): void => reject(new UpstreamError(code, `${what} (closed)`))
    socket.once('error', onError)
    socket.once('close', onClose)
    socket.once(event, () => {
      socket.off('error', onError)
      socket.off('close', onClose)
      resolve()
    })
  })
}
