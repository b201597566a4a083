import { connect, type Socket } from 'node:net'
import { cellsOf, errorText, fieldsOf } from '../attacks/backend-message.ts'
import * as frontend from '../attacks/frontend-message.ts'
import type { Login } from '../attacks/raw-connection.ts'
import { scramClient } from '../attacks/scram.ts'

/** A column of a result, as RowDescription has it. */
export interface ResultColumn {
  readonly name: string
  readonly tableOid: number
  readonly attnum: number
}

/** What the server said up to one ReadyForQuery. */
export interface Reply {
  readonly error: { readonly code: string; readonly message: string } | null
  /** Command tags in order. */
  readonly tags: readonly string[]
  /** The first RowDescription. */
  readonly columns: readonly ResultColumn[] | null
  /** The last row. */
  readonly lastRow: readonly (string | null)[] | null
  /** Whether it sent a notification. */
  readonly isNotified: boolean
}

/** The connection is gone: the server ended it, gave too much, or took too long. */
export class LinkLost extends Error {
  override readonly name = 'LinkLost'
}

const REPLY_BYTES_MAX = 64 * 1024 * 1024

interface Waiting {
  left: number
  readonly replies: Reply[]
  readonly resolve: (replies: readonly Reply[]) => void
  readonly reject: (error: Error) => void
}

interface Draft {
  error: Reply['error']
  tags: string[]
  columns: Reply['columns']
  lastRow: Buffer | null
  isNotified: boolean
}

const emptyDraft = (): Draft => ({ error: null, tags: [], columns: null, lastRow: null, isNotified: false })

/** A connection that sends much in one write, and keeps of the answers what the oracles need. */
export class Link {
  readonly #socket: Socket
  #rest: Buffer = Buffer.alloc(0)
  #bytes = 0
  #draft = emptyDraft()
  #waiting: Waiting | null = null
  #authenticate: ((type: string, body: Buffer) => void) | null = null
  #lost: LinkLost | null = null
  /** The server process at the other end. */
  pid = 0

  private constructor(login: Login) {
    this.#socket = connect({ host: login.host, port: login.port, noDelay: true })
    this.#socket.on('data', chunk => this.#receive(chunk))
    this.#socket.on('error', error => this.#lose(error.message))
    this.#socket.on('close', () => this.#lose('the server closed the connection'))
  }

  static async open(login: Login): Promise<Link> {
    const link = new Link(login)
    const scram = scramClient(login.password)
    const { user, database } = login
    link.#authenticate = (type, body) => {
      const step = type === 'R' ? body.readInt32BE(0) : 0
      if (step === 10) link.#socket.write(frontend.saslInitial('SCRAM-SHA-256', scram.first))
      if (step === 11) link.#socket.write(frontend.saslResponse(scram.final(body.toString('utf8', 4))))
      if (type === 'K') link.pid = body.readInt32BE(0)
      if (type === 'E') link.#lose(errorText(body))
    }
    await link.send(frontend.startup({ user, database, client_encoding: 'UTF8' }), 1)
    link.#authenticate = null
    return link
  }

  get isLost(): boolean {
    return this.#lost !== null
  }

  /**
   * Writes the bytes and waits for so many ReadyForQuery.
   *
   * @throws LinkLost where the connection ends first.
   */
  send(bytes: Buffer, ready: number): Promise<readonly Reply[]> {
    if (this.#lost !== null) return Promise.reject(this.#lost)
    return new Promise((resolve, reject) => {
      this.#bytes = 0
      this.#waiting = { left: ready, replies: [], resolve, reject }
      this.#socket.write(bytes)
    })
  }

  /** Runs SQL that must succeed; gives the last row. */
  async query(sql: string): Promise<readonly (string | null)[]> {
    const [reply] = await this.send(frontend.query(sql), 1)
    if (reply?.error != null) throw new Error(`${reply.error.code} ${reply.error.message}: ${sql.slice(0, 200)}`)
    return reply?.lastRow ?? []
  }

  close(): void {
    this.#lost ??= new LinkLost('closed')
    this.#socket.destroy()
  }

  #lose(why: string): void {
    this.#lost ??= new LinkLost(why)
    this.#socket.destroy()
    this.#waiting?.reject(this.#lost)
    this.#waiting = null
  }

  #receive(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > REPLY_BYTES_MAX) {
      this.#lose('too much came back')
      return
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= 5) {
      const end = at + 1 + bytes.readInt32BE(at + 1)
      if (end > bytes.length) break
      this.#take(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + 5, end))
      at = end
    }
    this.#rest = bytes.subarray(at)
  }

  #take(type: string, body: Buffer): void {
    const draft = this.#draft
    this.#authenticate?.(type, body)
    if (type === 'C') draft.tags.push(body.toString('utf8', 0, body.length - 1))
    else if (type === 'T') draft.columns ??= columnsOf(body)
    else if (type === 'D') draft.lastRow = body
    else if (type === 'E') draft.error ??= errorOf(body)
    else if (type === 'A') draft.isNotified = true
    else if (type === 'G') this.#socket.write(frontend.copyFail())
    else if (type === 'Z') this.#finish()
  }

  #finish(): void {
    const { lastRow, ...draft } = this.#draft
    this.#draft = emptyDraft()
    const waiting = this.#waiting
    if (waiting === null) return
    waiting.replies.push({ ...draft, lastRow: lastRow === null ? null : cellsOf(lastRow) })
    waiting.left -= 1
    if (waiting.left > 0) return
    this.#waiting = null
    waiting.resolve(waiting.replies)
  }
}

function errorOf(body: Buffer): Reply['error'] {
  const fields = fieldsOf(body)
  return { code: fields.get('C') ?? '', message: fields.get('M') ?? '' }
}

function columnsOf(body: Buffer): readonly ResultColumn[] {
  const columns: ResultColumn[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at)
    columns.push({
      name: body.toString('utf8', at, end),
      tableOid: body.readUInt32BE(end + 1),
      attnum: body.readInt16BE(end + 5),
    })
    at = end + 19
  }
  return columns
}
