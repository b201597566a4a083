import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BackendMessage, errorText } from './backend-message.ts'
import * as frontend from './frontend-message.ts'
import { scramClient } from './scram.ts'

/** Where a connection goes, and as whom. */
export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** What came back for one write. */
export interface Exchange {
  readonly messages: readonly BackendMessage[]
  readonly ms: number
  /** `ready` when the server said so as often as it should have. */
  readonly end: 'ready' | 'closed' | 'timeout'
}

interface Expected {
  /** How many ReadyForQuery end the exchange. */
  readonly ready: number
  /** What answers a CopyInResponse. */
  readonly copyData: string | undefined
  /** In the extended protocol a Sync follows the end of a copy. */
  readonly isExtended: boolean
}

const RECEIVED_BYTES_MAX = 256 * 1024 * 1024
const WAIT_MS_MAX = 15_000
// A replication stream has no end; this much of it shows whether it leaks.
const STREAM_MS = 1500

/** A connection that keeps every byte that the server sends. */
export class RawConnection {
  readonly #socket: Socket
  readonly #messages: BackendMessage[] = []
  #store = Buffer.alloc(64 * 1024)
  #used = 0
  #parsed = 0
  #isClosed = false
  #wake: () => void = () => undefined

  constructor({ host, port }: Pick<Login, 'host' | 'port'>) {
    this.#socket = connect({ host, port, noDelay: true })
    this.#socket.on('data', chunk => this.#receive(chunk))
    this.#socket.on('error', () => this.#close())
    this.#socket.on('close', () => this.#close())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Everything received since the connection was made. */
  get received(): Buffer {
    return this.#store.subarray(0, this.#used)
  }

  /** Says who is there. Gives the server's reason if it doesn't let us in. */
  async login(login: Login, params: Readonly<Record<string, string>> = {}): Promise<string | null> {
    const { user, database, password } = login
    const scram = scramClient(password)
    this.#socket.write(frontend.startup({ user, database, client_encoding: 'UTF8', ...params }))
    for (let at = 0; ; ) {
      const found = await this.#find(at, 'RZE', WAIT_MS_MAX)
      if (typeof found !== 'number') return `${found} while logging in`
      const message = this.#messages[found]
      at = found + 1
      if (message?.type === 'Z') return null
      if (message?.type === 'E') return errorText(message.body)
      // AuthenticationCleartextPassword, SASL and SASLContinue.
      const step = message?.body.readInt32BE(0)
      if (step === 3) this.#socket.write(frontend.password(password))
      else if (step === 10) this.#socket.write(frontend.saslInitial('SCRAM-SHA-256', scram.first))
      else if (step === 11) {
        const serverFirst = message?.body.toString('utf8', 4) ?? ''
        this.#socket.write(frontend.saslResponse(scram.final(serverFirst)))
      }
    }
  }

  query(sql: string, copyData?: string): Promise<Exchange> {
    return this.exchange(frontend.query(sql), { ready: 1, copyData, isExtended: false })
  }

  /** Writes the bytes at once and reads until the exchange is over. */
  async exchange(bytes: Buffer, expected: Expected): Promise<Exchange> {
    const from = this.#messages.length
    const start = performance.now()
    this.#socket.write(bytes)
    const end = await this.#readToEnd(from, expected)
    return { messages: this.#messages.slice(from), ms: performance.now() - start, end }
  }

  close(): void {
    if (!this.#isClosed) this.#socket.write(frontend.terminate())
    this.#socket.destroySoon()
  }

  async #readToEnd(from: number, { ready, copyData, isExtended }: Expected): Promise<Exchange['end']> {
    let at = from
    for (let left = ready; left > 0; ) {
      const found = await this.#find(at, 'ZGW', WAIT_MS_MAX)
      if (typeof found !== 'number') return found
      const type = this.#messages[found]?.type
      at = found + 1
      if (type === 'Z') left--
      else if (type === 'G') {
        this.#socket.write(copyData === undefined ? frontend.copyFail() : frontend.copyData(copyData))
        if (isExtended) this.#socket.write(frontend.sync())
      } else {
        await sleep(STREAM_MS)
        this.#socket.write(frontend.copyDone())
        await this.#find(at, 'Z', STREAM_MS)
        return 'ready'
      }
    }
    return 'ready'
  }

  async #find(from: number, types: string, waitMsMax: number): Promise<number | 'closed' | 'timeout'> {
    const deadline = performance.now() + waitMsMax
    for (let at = from; ; ) {
      for (; at < this.#messages.length; at++) {
        if (types.includes(this.#messages[at]?.type ?? '?')) return at
      }
      if (this.#isClosed) return 'closed'
      const left = deadline - performance.now()
      if (left <= 0) return 'timeout'
      await this.#somethingNew(left)
    }
  }

  #somethingNew(waitMsMax: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, waitMsMax)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #receive(chunk: Buffer): void {
    if (this.#used + chunk.length > this.#store.length) {
      if (this.#used + chunk.length > RECEIVED_BYTES_MAX) {
        this.#socket.destroy()
        return
      }
      const larger = Buffer.alloc(Math.max(this.#store.length * 2, this.#used + chunk.length))
      this.#store.copy(larger, 0, 0, this.#used)
      this.#store = larger
    }
    chunk.copy(this.#store, this.#used)
    this.#used += chunk.length
    this.#parse()
  }

  #parse(): void {
    for (;;) {
      if (this.#used - this.#parsed < 5) break
      const end = this.#parsed + 1 + this.#store.readInt32BE(this.#parsed + 1)
      if (end < this.#parsed + 5) {
        this.#socket.destroy()
        return
      }
      if (end > this.#used) break
      const type = String.fromCharCode(this.#store[this.#parsed] ?? 0)
      this.#messages.push({ type, body: this.#store.subarray(this.#parsed + 5, end) })
      this.#parsed = end
    }
    this.#wake()
  }

  #close(): void {
    this.#isClosed = true
    this.#wake()
  }
}
