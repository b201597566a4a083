import type { Clock } from '@querywarden/policy-core'
import type { ExportFormat } from '../export/event-line.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import type { EntryTap } from '../writer/entry-tap.ts'
import { gapLine, streamLines } from './stream-lines.ts'
import type { SyslogEvent } from './syslog.ts'

/** A way to a server that is open. */
export interface Delivery {
  /** Resolves when the server, or the system on its way there, has them. `refused`: it will never take them. */
  readonly send: (events: readonly SyslogEvent[]) => Promise<'taken' | 'refused'>
  readonly close: () => void
}

export interface StreamOptions {
  /** Named in metrics and logs; no credential in it. */
  readonly name: string
  readonly format: ExportFormat
  /** Opens a way to the server. Called again, later and later, while it fails. */
  readonly connect: () => Promise<Delivery>
  /** What is waiting to be sent may be so much; what comes then is dropped. */
  readonly queueEventsMax: number
  readonly queueBytesMax: number
  readonly clock: Clock
  readonly sleep: Sleep
}

export interface StreamState {
  readonly name: string
  readonly queued: number
  readonly sent: number
  /** Not sent, and not going to be: there was no room for them, or the server refused them. */
  readonly dropped: number
  /** Why the last try failed; null where it didn't. */
  readonly failure: string | null
}

/** META of what is recorded, on its way to a server elsewhere. */
export interface EventStream {
  /** Takes an event, or drops it. Returns at once, whatever the server does. */
  readonly tell: EntryTap
  readonly state: () => StreamState
  /** Sends what is waiting, for at most so many milliseconds, and ends. */
  readonly close: (waitMsMax: number) => Promise<void>
}

const BATCH_EVENTS_MAX = 500
const BATCH_BYTES_MAX = 1_048_576
const [BACKOFF_MS_MIN, BACKOFF_MS_MAX] = [200, 30_000]

/**
 * Sends events to a server as they are recorded. It never makes a session wait: what the server doesn't take in time is dropped,
 * and the stream says so where they would have been. An event may come twice after a failure; it has its recording and number.
 *
 * @example
 * const stream = openEventStream({ name: 'siem', format: 'jsonl', connect, queueEventsMax: 10_000, queueBytesMax: 8 * 1024 ** 2, clock, sleep })
 * const recordings = await fileRecorder({ ...options, onEntry: stream.tell })
 */
export function openEventStream(options: StreamOptions): EventStream {
  const sender = new Sender(options)
  const lines = streamLines(options.format)
  void sender.run()
  return {
    tell: (event, header) => {
      for (const line of lines(event, header)) sender.add(line)
    },
    state: () => sender.state(),
    close: waitMsMax => sender.close(waitMsMax),
  }
}

/** The queue, and the loop that empties it. */
class Sender {
  readonly #options: StreamOptions
  #queue: SyslogEvent[] = []
  #bytes = 0
  #sent = 0
  #dropped = 0
  /** Dropped since the last that was taken, and since when. */
  #gap: { count: number; since: number } | null = null
  #failure: string | null = null
  #delivery: Delivery | null = null
  #wake: () => void = () => undefined
  #isClosing = false
  readonly #ended: Promise<void>
  #end: () => void = () => undefined

  constructor(options: StreamOptions) {
    this.#options = options
    this.#ended = new Promise(resolve => {
      this.#end = resolve
    })
  }

  state(): StreamState {
    return {
      name: this.#options.name,
      queued: this.#queue.length,
      sent: this.#sent,
      dropped: this.#dropped,
      failure: this.#failure,
    }
  }

  add(event: SyslogEvent): void {
    const { queueEventsMax, queueBytesMax, clock } = this.#options
    const isFull = this.#queue.length >= queueEventsMax || this.#bytes + event.line.length > queueBytesMax
    if (isFull || this.#isClosing) {
      this.#dropped++
      this.#gap ??= { count: 0, since: clock.now() }
      this.#gap.count++
      return
    }
    this.#tellGap()
    this.#push(event)
  }

  async run(): Promise<void> {
    let backoff = BACKOFF_MS_MIN
    for (;;) {
      // With nothing on its way there is room to say what is missing, though nothing else comes.
      if (this.#queue.length === 0) this.#tellGap()
      if (this.#queue.length === 0) {
        if (this.#isClosing) break
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        continue
      }
      const batch = this.#batch()
      try {
        this.#delivery ??= await this.#options.connect()
        const became = await this.#delivery.send(batch)
        this.#remove(batch, became)
        this.#failure = became === 'taken' ? null : 'the server refused events for good'
        backoff = BACKOFF_MS_MIN
      } catch (error) {
        this.#delivery?.close()
        this.#delivery = null
        this.#failure = error instanceof Error ? error.message : 'unknown'
        await this.#options.sleep(backoff)
        backoff = Math.min(backoff * 2, BACKOFF_MS_MAX)
      }
      if (this.#isAbandoned) break
    }
    this.#delivery?.close()
    this.#end()
  }

  #isAbandoned = false

  async close(waitMsMax: number): Promise<void> {
    this.#isClosing = true
    this.#wake()
    await Promise.race([this.#ended, this.#options.sleep(waitMsMax)])
    this.#isAbandoned = true
    this.#delivery?.close()
  }

  #push(event: SyslogEvent): void {
    this.#queue.push(event)
    this.#bytes += event.line.length
    this.#wake()
  }

  #tellGap(): void {
    if (this.#gap === null) return
    const { count, since } = this.#gap
    this.#gap = null
    const { format, clock } = this.#options
    this.#push(gapLine(format, count, since, clock.now()))
  }

  #batch(): readonly SyslogEvent[] {
    let [count, bytes] = [0, 0]
    for (const { line } of this.#queue) {
      if (count > 0 && (count >= BATCH_EVENTS_MAX || bytes + line.length > BATCH_BYTES_MAX)) break
      count++
      bytes += line.length
    }
    return this.#queue.slice(0, count)
  }

  #remove(batch: readonly SyslogEvent[], became: 'taken' | 'refused'): void {
    this.#queue = this.#queue.slice(batch.length)
    this.#bytes -= batch.reduce((sum, { line }) => sum + line.length, 0)
    if (became === 'taken') {
      this.#sent += batch.length
      return
    }
    this.#dropped += batch.length
    this.#gap ??= { count: 0, since: this.#options.clock.now() }
    this.#gap.count += batch.length
  }
}
