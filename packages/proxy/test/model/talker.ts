import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { type Answer, CLOSED, SILENCE } from './answers.ts'

/** A session that is sent bytes in any cut, and gives back all messages up to the one that a script ends with. */
export class Talker {
  readonly #socket: Socket
  #unread: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: (() => void) | null = null

  /** Takes over a socket that is logged in, with nothing left to read. */
  constructor(socket: Socket) {
    this.#socket = socket
    socket.removeAllListeners('data')
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      this.#unread = Buffer.concat([this.#unread, chunk])
      this.#wake?.()
    })
    socket.once('close', () => {
      this.#isClosed = true
      this.#wake?.()
    })
    if (socket.destroyed) this.#isClosed = true
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Writes bytes cut at these places, and reads until `isLast`, or until nothing more comes. */
  async talk(bytes: Buffer, cuts: readonly number[], isLast: (answer: Answer) => boolean): Promise<Answer[]> {
    const writing = this.#write(bytes, cuts)
    const answers: Answer[] = []
    for (;;) {
      const answer = this.#take()
      if (answer !== null) {
        answers.push(answer)
        if (isLast(answer)) break
      } else if (this.#isClosed) {
        answers.push(CLOSED)
        break
      } else if (!(await this.#arrival())) {
        answers.push(SILENCE)
        this.close()
        break
      }
    }
    await writing
    return answers
  }

  close(): void {
    this.#isClosed = true
    this.#socket.destroy()
  }

  async #write(bytes: Buffer, cuts: readonly number[]): Promise<void> {
    let from = 0
    for (const cut of [...cuts.map(cut => cut % bytes.length).sort((a, b) => a - b), bytes.length]) {
      if (cut === from) continue
      this.#socket.write(bytes.subarray(from, cut))
      from = cut
      await setImmediate()
    }
  }

  #take(): Answer | null {
    if (this.#unread.length < 5) return null
    const end = 1 + this.#unread.readUInt32BE(1)
    if (this.#unread.length < end) return null
    const answer = { tag: String.fromCharCode(this.#unread[0] ?? 0), body: this.#unread.subarray(5, end) }
    this.#unread = this.#unread.subarray(end)
    return answer
  }

  /** Whether something came in time. */
  async #arrival(): Promise<boolean> {
    let timer: NodeJS.Timeout | null = null
    const came = await new Promise<boolean>(resolve => {
      this.#wake = () => resolve(true)
      timer = setTimeout(() => resolve(false), SILENCE_MS_MAX)
    })
    if (timer !== null) clearTimeout(timer)
    this.#wake = null
    return came
  }
}

const SILENCE_MS_MAX = 5_000
