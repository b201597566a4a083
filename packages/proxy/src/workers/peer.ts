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
  const waiting = new Map<number, Waiting>()
  const serving = new Map<number, AbortController>()
  const handlers = new Map<string, Handler<Mine[string]>>(Object.entries(options.handlers))
  let calls = 0
  let isGone = false
  const send = (message: Message): void => {
    try {
      if (!isGone) options.send(message)
    } catch {
      // It is about to be told that the other is gone.
    }
  }
  const serve = async ({ id, method, argument }: Extract<Message, { kind: 'call' }>): Promise<void> => {
    const handler = handlers.get(method)
    const control = new AbortController()
    serving.set(id, control)
    try {
      if (handler === undefined) throw new PeerError('FAILED', 'there is no such method')
      const note = (told: unknown): void => send({ querywarden: 1, kind: 'note', id, note: told })
      send({ querywarden: 1, kind: 'answer', id, answer: await handler(argument, { signal: control.signal, note }) })
    } catch (error) {
      const config = error instanceof ConfigError ? { code: error.code, message: error.message } : null
      if (config === null) options.onFailure(error)
      send({ querywarden: 1, kind: 'failure', id, config })
    } finally {
      serving.delete(id)
    }
  }
  options.onMessage(message => {
    if (!isMessage(message)) return
    switch (message.kind) {
      case 'call':
        return void serve(message)
      case 'abort':
        return serving.get(message.id)?.abort()
      case 'note':
        return waiting.get(message.id)?.onNote(message.note as never)
      case 'answer':
        return waiting.get(message.id)?.resolve(message.answer as never)
      case 'failure':
        return waiting.get(message.id)?.reject(failureOf(message.config))
    }
  })
  options.onGone(() => {
    isGone = true
    for (const { reject } of waiting.values()) reject(GONE())
    for (const control of serving.values()) control.abort()
  })
  return {
    call: async (method, argument, { signal, onNote } = {}) => {
      if (isGone) throw GONE()
      const id = ++calls
      const abort = (): void => send({ querywarden: 1, kind: 'abort', id })
      try {
        return await new Promise((resolve, reject) => {
          waiting.set(id, { resolve, reject, onNote: onNote ?? (() => undefined) })
          send({ querywarden: 1, kind: 'call', id, method, argument })
          if (signal?.aborted === true) abort()
          signal?.addEventListener('abort', abort, { once: true })
        })
      } finally {
        waiting.delete(id)
        signal?.removeEventListener('abort', abort)
      }
    },
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
