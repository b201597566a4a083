import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { PostgresServer } from '@querywarden/dev-servers'
import {
  decodeAuthentication,
  decodeBackendKeyData,
  decodeCommandComplete,
  decodeDataRow,
  decodeErrorResponse,
  decodeParameterStatus,
  decodeReadyForQuery,
  encodeBind,
  encodeCancelRequest,
  encodeDescribe,
  encodeExecute,
  encodeParse,
  encodePassword,
  encodeQuery,
  encodeStartup,
} from '@querywarden/wire/postgres'
import { logInUpstream } from '../src/postgres/upstream-login.ts'

interface Place {
  readonly host: string
  readonly port: number
}

/** A client that sends whatever bytes it is told to, and keeps every byte that comes back. */
export class RawClient {
  readonly socket: Socket
  /** All that the other side ever sent. */
  readonly seen: Buffer[] = []
  key: { readonly processId: number; readonly secretKey: Uint8Array } = {
    processId: 0,
    secretKey: new Uint8Array(4),
  }
  #unread: Buffer = Buffer.alloc(0)
  #isClosed = false
  readonly closed: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => {
      this.seen.push(chunk)
      this.#unread = Buffer.concat([this.#unread, chunk])
    })
    // A reset is one of the ways to be closed.
    socket.on('error', () => undefined)
    this.closed = new Promise(resolve =>
      socket.once('close', () => {
        this.#isClosed = true
        resolve()
      }),
    )
  }

  send(...messages: readonly (Uint8Array | string)[]): void {
    this.socket.write(Buffer.concat(messages.map(one => (typeof one === 'string' ? Buffer.from(one) : one))))
  }

  /** Lines for what comes, up to and with the first message of one of these tags, or `closed` if that comes first. */
  async until(...tags: readonly string[]): Promise<string[]> {
    const lines: string[] = []
    for (;;) {
      const line = this.#take()
      if (line !== null) {
        lines.push(line)
        if (tags.includes(line.charAt(0))) return lines
      } else if (this.#isClosed) {
        return [...lines, 'closed']
      } else {
        await Promise.race([once(this.socket, 'data').catch(() => undefined), this.closed])
      }
    }
  }

  /** Sends a simple Query and gives the answer. */
  query(text: string): Promise<string[]> {
    this.send(encodeQuery({ query: text }))
    return this.until('Z')
  }

  /** All that comes until the other side closes. */
  toEnd(): Promise<string[]> {
    return this.until()
  }

  get text(): string {
    return Buffer.concat(this.seen).toString('latin1')
  }

  #take(): string | null {
    if (this.#unread.length < 5) return null
    const end = 1 + this.#unread.readUInt32BE(1)
    if (this.#unread.length < end) return null
    const line = describe(String.fromCharCode(this.#unread[0] ?? 0), this.#unread.subarray(5, end), this)
    this.#unread = this.#unread.subarray(end)
    return line
  }
}

function describe(tag: string, body: Uint8Array, client: RawClient): string {
  switch (tag) {
    case 'C':
      return `C ${decodeCommandComplete(body).tag}`
    case 'D':
      return `D ${decodeDataRow(body)
        .values.map(value => (value === null ? '~' : Buffer.from(value).toString()))
        .join('|')}`
    case 'E':
    case 'N': {
      const { fields } = decodeErrorResponse(body)
      const position = fields.get('P')
      return `${tag} ${fields.get('V')} ${fields.get('C')} ${fields.get('M')}${position === undefined ? '' : ` @${position}`}`
    }
    case 'K':
      client.key = copyOf(decodeBackendKeyData(body))
      return 'K'
    case 'R':
      return `R ${decodeAuthentication(body).kind}`
    case 'S':
      return `S ${decodeParameterStatus(body).name}`
    case 'Z':
      return `Z ${decodeReadyForQuery(body).status}`
    case 'd':
      return `d ${Buffer.from(body).toString('latin1')}`
    default:
      return tag
  }
}

const copyOf = ({ processId, secretKey }: RawClient['key']): RawClient['key'] => ({
  processId,
  secretKey: secretKey.slice(),
})

/** Connects and says nothing. */
export async function rawConnect({ host, port }: Place): Promise<RawClient> {
  const socket = connect({ host, port, noDelay: true })
  await once(socket, 'connect')
  return new RawClient(socket)
}

/** Logs in with a token, past no check. */
export async function rawLogin(
  place: Place,
  token: string,
  parameters: Record<string, string> = {},
): Promise<RawClient> {
  const client = await rawConnect(place)
  client.send(encodeStartup(new Map(Object.entries({ user: 'agent', database: 'app', ...parameters }))))
  await client.until('R')
  client.send(encodePassword({ password: token }))
  const lines = await client.until('Z')
  if (!lines.includes('Z idle')) throw new Error(`login failed: ${lines.join(' / ')}`)
  return client
}

/** A raw session of the superuser, past the gateway. */
export async function rawDirect(database: PostgresServer): Promise<RawClient> {
  const upstream = await logInUpstream(
    {
      name: 'direct',
      dialect: 'postgres',
      address: database,
      user: database.user,
      database: database.database,
      password: null,
      tls: { mode: 'off' },
      loginMethods: ['scram-sha-256'],
      searchPath: ['public'],
    },
    database.password,
    new Map(),
    { frameBytesMax: 1 << 24, timeoutMs: 10_000 },
  )
  const { socket } = upstream.link
  socket.removeAllListeners('data')
  return new RawClient(socket)
}

/** Asks on a connection of its own to cancel, and waits until it is closed. */
export async function sendCancel(place: Place, { processId, secretKey }: RawClient['key']): Promise<RawClient> {
  const client = await rawConnect(place)
  client.send(encodeCancelRequest(processId, secretKey))
  await client.toEnd()
  return client
}

export const parse = (name: string, query: string, parameterTypes: readonly number[] = []): Uint8Array =>
  encodeParse({ name, query, parameterTypes })

export const bind = (
  portal: string,
  statement: string,
  parameters: readonly (string | null)[] = [],
  resultFormats: readonly number[] = [],
): Uint8Array =>
  encodeBind({
    portal,
    statement,
    parameterFormats: [],
    parameters: parameters.map(value => (value === null ? null : Buffer.from(value))),
    resultFormats,
  })

export const execute = (portal = '', rowsMax = 0): Uint8Array => encodeExecute({ portal, rowsMax })

export const describePortal = (name = ''): Uint8Array => encodeDescribe({ kind: 'portal', name })

/** Parse, Bind and Execute of one statement without names. */
export const runUnnamed = (query: string): Uint8Array =>
  Buffer.concat([parse('', query), bind('', ''), describePortal(), execute()])
