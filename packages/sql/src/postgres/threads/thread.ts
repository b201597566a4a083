import { Worker } from 'node:worker_threads'
import type { Reply, Request, SharedCatalog, ThreadTerms } from './messages.ts'
import { THREAD_FILE } from './thread-file.ts'

/** `late`: it hasn't answered in time. `gone`: it ended, or never began. Either way it is of no more use. */
export type Answer = Reply | { readonly kind: 'late' } | { readonly kind: 'gone' }

/** Catalogs that a thread keeps. */
const CATALOGS_MAX = 4
const YOUNG_HEAP_MB_MAX = 32

/** One thread: asked one thing at a time, and killed where it takes too long. */
export class Thread {
  readonly #worker: Worker
  readonly #catalogs = new Set<string>()
  readonly #majors = new Set<number>()
  #answer: ((answer: Answer) => void) | null = null
  #isGone = false
  /** Whose text it read last, and may still have at hand. */
  lastAsker: object | null = null

  constructor(terms: ThreadTerms, heapMbMax: number) {
    this.#worker = new Worker(THREAD_FILE, {
      workerData: terms,
      name: 'querywarden-reader',
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax, maxYoungGenerationSizeMb: YOUNG_HEAP_MB_MAX },
    })
    // It must not keep the process alive by itself; who waits for it does.
    this.#worker.unref()
    this.#worker.on('message', (reply: Reply) => this.#settle(reply))
    this.#worker.on('messageerror', () => this.#end())
    // Out of memory, or it can't be started. What the error says may quote a text.
    this.#worker.on('error', () => this.#end())
    this.#worker.on('exit', () => this.#end())
  }

  hasMajor(major: number): boolean {
    return this.#majors.has(major)
  }

  hasCatalog(key: string): boolean {
    return this.#catalogs.has(key)
  }

  async loadGrammar(major: number, msMax: number): Promise<Answer> {
    const answer = await this.ask({ kind: 'grammar', major }, msMax)
    if (answer.kind === 'ready') this.#majors.add(major)
    return answer
  }

  async loadCatalog(shared: SharedCatalog, msMax: number): Promise<Answer> {
    const [oldest] = this.#catalogs
    const forget = this.#catalogs.size < CATALOGS_MAX ? null : (oldest ?? null)
    if (forget !== null) this.#catalogs.delete(forget)
    const answer = await this.ask({ kind: 'catalog', shared, forget }, msMax)
    if (answer.kind === 'ready') this.#catalogs.add(shared.key)
    return answer
  }

  /** Asks, and waits no longer than so many milliseconds. */
  ask(request: Request, msMax: number): Promise<Answer> {
    if (this.#isGone || this.#answer !== null) return Promise.resolve({ kind: 'gone' })
    return new Promise(resolve => {
      const settle = (answer: Answer): void => {
        clearTimeout(timer)
        if (this.#answer === settle) this.#answer = null
        this.#worker.unref()
        resolve(answer)
      }
      // This process may have been late itself, and the answer be waiting: once round for that.
      const timer = setTimeout(() => setImmediate(() => this.#answer === settle && settle({ kind: 'late' })), msMax)
      this.#worker.ref()
      this.#answer = settle
      this.#worker.postMessage(request)
    })
  }

  /** Ends it, wherever it is. Resolves once it has. */
  async kill(): Promise<void> {
    this.#end()
    await this.#worker.terminate()
  }

  #end(): void {
    this.#isGone = true
    this.#settle({ kind: 'gone' })
  }

  #settle(answer: Answer): void {
    this.#answer?.(answer)
  }
}
