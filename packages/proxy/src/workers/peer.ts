import { ConfigError } from '../config/config-error.ts'

/** What one process can ask of another: each method with its argument, its answer, and what it may tell meanwhile. */
export type Methods = Readonly<
  Record<string, { readonly argument: unknown; readonly answer: unknown; readonly note: unknown }>
>

/** What answers a method. `signal` aborts when the asker no longer wants the answer, or is gone. */
export type Handler<M extends Methods[string]> = (
  argument: M['argument'],
  context: { readonly signal: AbortSignal; readonly note: (note: M['note']) => void },
) => Promise<M['answer']>
export type Handlers<M extends Methods> = { readonly [K in keyof M]: Handler<M[K]> }

/** The other process. */
export interface Peer<Theirs extends Methods> {
  /** Rejects when the other process fails to answer, or is gone: nothing is ever taken for granted (threats F7). */
  readonly call: <K extends keyof Theirs & string>(
    method: K,
    argument: Theirs[K]['argument'],
    options?: { readonly signal?: AbortSignal; readonly onNote?: (note: Theirs[K]['note']) => void },
  ) => Promise<Theirs[K]['answer']>
}

export interface PeerOptions<Mine extends Methods> {
  /** Hands a message to the other process; may throw once it is gone. */
  readonly send: (message: object) => void
  readonly onMessage: (listener: (message: unknown) => void) => void
  /** Called once, when no message will come or go any more. */
  readonly onGone: (listener: () => void) => void
  readonly handlers: Handlers<Mine>
  /** Told of what a handler throws and the other process is told nothing of. */
  readonly onFailure: (error: unknown) => void
}

type Message =
  | {
      readonly querywarden: 1
      readonly kind: 'call'
      readonly id: number
      readonly method: string
      readonly argument: unknown
    }
  | { readonly querywarden: 1; readonly kind: 'abort'; readonly id: number }
  | { readonly querywarden: 1; readonly kind: 'note'; readonly id: number; readonly note: unknown }
  | { readonly querywarden: 1; readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly querywarden: 1; readonly kind: 'failure'; readonly id: number; readonly config: ConfigFailure | null }
type ConfigFailure = { readonly code: ConfigError['code']; readonly message: string }

/** The other process failed to answer. Why is in its own log. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly code: 'GONE' | 'FAILED'

  constructor(code: PeerError['code'], message: string) {
    super(message)
    this.code = code
  }
}

interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
  readonly onNote: (note: never) => void
}

/** Speaks with another process of the same gateway: typed calls both ways, over whatever carries messages in order. */
export function openPeer<Mine extends Methods, Theirs extends Methods>(options: PeerOptions<Mine>): Peer<Theirs> {
  const channel = new Channel(options, new Map(Object.entries(options.handlers)))
  options.onMessage(message => {
    if (isMessage(message)) channel.receive(message)
  })
  options.onGone(() => channel.close())
  return {
    call: (method, argument, { signal, onNote } = {}) =>
      channel.call(method, argument, signal ?? null, onNote ?? (() => undefined)),
  }
}

class Channel {
  readonly #options: Pick<PeerOptions<Methods>, 'send' | 'onFailure'>
  readonly #handlers: ReadonlyMap<string, Handler<Methods[string]>>
  readonly #waiting = new Map<number, Waiting>()
  readonly #serving = new Map<number, AbortController>()
  #calls = 0
  #isGone = false

  constructor(
    options: Pick<PeerOptions<Methods>, 'send' | 'onFailure'>,
    handlers: ReadonlyMap<string, Handler<Methods[string]>>,
  ) {
    this.#options = options
    this.#handlers = handlers
  }

  async call<Answer, Note>(
    method: string,
    argument: unknown,
    signal: AbortSignal | null,
    onNote: (note: Note) => void,
  ): Promise<Answer> {
    if (this.#isGone) throw GONE()
    const id = ++this.#calls
    const abort = (): void => this.#tell({ querywarden: 1, kind: 'abort', id })
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject, onNote })
        // What can't be sent rejects: nobody would ever answer it.
        this.#options.send({ querywarden: 1, kind: 'call', id, method, argument })
        if (signal?.aborted === true) abort()
        signal?.addEventListener('abort', abort, { once: true })
      })
    } finally {
      this.#waiting.delete(id)
      signal?.removeEventListener('abort', abort)
    }
  }

  receive(message: Message): void {
    switch (message.kind) {
      case 'call':
        void this.#serve(message)
        return
      case 'abort':
        this.#serving.get(message.id)?.abort()
        return
      case 'note':
        this.#waiting.get(message.id)?.onNote(message.note as never)
        return
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.answer as never)
        return
      case 'failure':
        this.#waiting.get(message.id)?.reject(failureOf(message.config))
        return
    }
  }

  close(): void {
    this.#isGone = true
    for (const { reject } of this.#waiting.values()) reject(GONE())
    for (const control of this.#serving.values()) control.abort()
  }

  async #serve({ id, method, argument }: Extract<Message, { kind: 'call' }>): Promise<void> {
    const handler = this.#handlers.get(method)
    const control = new AbortController()
    this.#serving.set(id, control)
    try {
      if (handler === undefined) throw new PeerError('FAILED', 'there is no such method')
      const note = (told: unknown): void => this.#tell({ querywarden: 1, kind: 'note', id, note: told })
      const answer = await handler(argument, { signal: control.signal, note })
      if (!this.#isGone) this.#options.send({ querywarden: 1, kind: 'answer', id, answer })
    } catch (error) {
      const config = error instanceof ConfigError ? { code: error.code, message: error.message } : null
      if (config === null) this.#options.onFailure(error)
      this.#tell({ querywarden: 1, kind: 'failure', id, config })
    } finally {
      this.#serving.delete(id)
    }
  }

  #tell(message: Message): void {
    try {
      if (!this.#isGone) this.#options.send(message)
    } catch {
      // The other is gone, which is about to be told.
    }
  }
}

const GONE = (): PeerError => new PeerError('GONE', 'the other process of this gateway is gone')

const failureOf = (config: ConfigFailure | null): Error =>
  config === null
    ? new PeerError('FAILED', 'the other process of this gateway could not do it; see its log')
    : new ConfigError(config.code, config.message)

/** Both processes run the same code; what else goes over the channel, such as Node's own messages, is not ours. */
const isMessage = (message: unknown): message is Message =>
  typeof message === 'object' && message !== null && 'querywarden' in message && message.querywarden === 1
