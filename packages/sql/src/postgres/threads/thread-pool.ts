import type { Catalog } from '@querywarden/policy-core'
import type { ParseLimits } from '../limits.ts'
import { FairQueue } from './fair-queue.ts'
import type { Task } from './messages.ts'
import { catalogKey, catalogSharing } from './share-catalog.ts'
import { type Answer, Thread } from './thread.ts'

/** How texts are read in threads. */
export interface ThreadLimits {
  /** How long reading one text may take, in milliseconds. */
  readonly readMsMax: number
  /** How many texts are read at once. Each thread takes some 40 MB once it is needed. */
  readonly threadsMax: number
  /** JavaScript heap of each thread. */
  readonly heapMbMax: number
  /** Texts that wait for each thread, beyond which more are refused. */
  readonly waitingPerThreadMax: number
}

/** What becomes of a task: `busy` where there was no room to wait. */
export type Outcome = Answer | { readonly kind: 'busy' }

/** One text to read, for somebody. */
export interface Job {
  readonly task: Task
  readonly major: number
  /** What it is read against; null where that doesn't matter. */
  readonly catalog: Catalog | null
}

/** Starting a thread, loading a grammar, taking in a catalog: none of it depends on what a client sent. */
const READY_MS_MAX = 10_000
/** Texts that one asker may have waiting. Sessions of the proxy wait for one at a time. */
const PER_ASKER_MAX = 16

interface Waiting {
  readonly job: Job
  readonly resolve: (outcome: Outcome) => void
}

/**
 * Threads that read texts. They are started when they are first needed; one that was too slow, or died of a text, is
 * replaced at once. Askers take turns, and each has one text read at a time.
 */
export class ThreadPool {
  readonly #parse: ParseLimits
  readonly #limits: ThreadLimits
  readonly #queue: FairQueue<Waiting>
  readonly #share = catalogSharing()
  readonly #idle: Thread[] = []
  readonly #all = new Set<Thread>()
  #replaced = 0
  #isClosed = false

  constructor(parse: ParseLimits, limits: ThreadLimits) {
    this.#parse = parse
    this.#limits = limits
    const waitingMax = limits.waitingPerThreadMax * limits.threadsMax
    this.#queue = new FairQueue({ perAskerMax: Math.min(PER_ASKER_MAX, waitingMax), waitingMax })
  }

  /** Threads that had to be replaced, so far. */
  get replaced(): number {
    return this.#replaced
  }

  /** Never rejects. */
  run(job: Job, asker: object): Promise<Outcome> {
    return new Promise(resolve => {
      if (this.#isClosed) resolve({ kind: 'gone' })
      else if (this.#queue.add(asker, { job, resolve })) this.#dispatch()
      else resolve({ kind: 'busy' })
    })
  }

  /** Ends all threads. What waits is refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (let next = this.#queue.take(); next !== null; next = this.#queue.take()) {
      next.item.resolve({ kind: 'gone' })
      this.#queue.release(next.asker)
    }
    await Promise.all([...this.#all].map(thread => thread.kill()))
    this.#all.clear()
  }

  #dispatch(): void {
    while (this.#idle.length > 0 || this.#all.size < this.#limits.threadsMax) {
      const next = this.#queue.take()
      if (next === null) return
      const thread = this.#threadFor(next.asker)
      void this.#carryOut(thread, next.item.job, next.asker).then(outcome => {
        this.#queue.release(next.asker)
        this.#put(thread, outcome, next.item.job.major)
        next.item.resolve(outcome)
        this.#dispatch()
      })
    }
  }

  /** The one that knows this asker's last text, or any idle one, or a new one. */
  #threadFor(asker: object): Thread {
    const known = this.#idle.findIndex(({ lastAsker }) => lastAsker === asker)
    const [idle] = this.#idle.splice(Math.max(known, 0), 1)
    const thread = idle ?? this.#start()
    thread.lastAsker = asker
    return thread
  }

  #start(): Thread {
    const thread = new Thread({ limits: this.#parse }, this.#limits.heapMbMax)
    this.#all.add(thread)
    return thread
  }

  async #carryOut(thread: Thread, { task, major, catalog }: Job, asker: object): Promise<Outcome> {
    if (!thread.hasMajor(major)) {
      const answer = await thread.loadGrammar(major, READY_MS_MAX)
      if (answer.kind !== 'ready') return { kind: 'gone' }
    }
    if (catalog !== null && !thread.hasCatalog(catalogKey(catalog))) {
      const shared = await this.#share(catalog).catch(() => null)
      const answer = shared === null ? null : await thread.loadCatalog(shared, READY_MS_MAX)
      if (answer?.kind !== 'ready') return { kind: 'gone' }
    }
    thread.lastAsker = asker
    return thread.ask(task, this.#limits.readMsMax)
  }

  /** Back to the others, or away with it. The next one is made ready before anybody asks for it. */
  #put(thread: Thread, outcome: Outcome, major: number): void {
    if (this.#isClosed) return
    if (outcome.kind !== 'late' && outcome.kind !== 'gone') {
      this.#idle.push(thread)
      return
    }
    this.#all.delete(thread)
    // Whatever it is doing still, nobody waits for it.
    void thread.kill().catch(() => undefined)
    if (outcome.kind === 'gone' && !thread.hasMajor(major)) return
    this.#replaced += 1
    const next = this.#start()
    void next.loadGrammar(major, READY_MS_MAX).then(answer => {
      if (this.#isClosed) return
      if (answer.kind === 'ready') this.#idle.push(next)
      else {
        this.#all.delete(next)
        void next.kill().catch(() => undefined)
      }
      this.#dispatch()
    })
  }
}
