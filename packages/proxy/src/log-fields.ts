import { printable } from '@querywarden/policy-core'
import { type LoggedError, loggedError } from './log-error.ts'

/** All that a log line can hold beside its time, level and message. */
export interface LogFields {
  readonly session?: string
  readonly recording?: string
  /** Who logged in, as the issuer calls them. */
  readonly subject?: string
  readonly target?: string
  /** Where a client connects from. */
  readonly client?: string
  readonly targets?: readonly string[]
  readonly postgres?: { readonly host: string; readonly port: number }
  readonly admin?: { readonly host: string; readonly port: number }
  readonly metrics?: { readonly host: string; readonly port: number }
  /** Why something ended, as one word of ours. */
  readonly reason?: string
  readonly sqlstate?: string
  /** Keys of the configuration. */
  readonly keys?: readonly string[]
  readonly policy?: string
  readonly signal?: string
  readonly level?: string
  /** A file or folder of recordings. */
  readonly place?: string
  readonly why?: string
  readonly frames?: number
  readonly discardedBytes?: number
  readonly sessions?: number
  /** Recordings that are to be uploaded. */
  readonly waiting?: number
  readonly worker?: number
  readonly workers?: number
  readonly pid?: number
  readonly exit?: number
  readonly ms?: number
  readonly lagMs?: number
  readonly memoryBytes?: number
  readonly memoryBytesMax?: number
  readonly descriptors?: number
  readonly descriptorsNeeded?: number
  /** Anything that was thrown. */
  readonly error?: unknown
}

type Shown = string | number | readonly string[] | { readonly host: string; readonly port: number } | LoggedError
/** Gives what may be shown of a value, or undefined where it hasn't the shape that its field has. */
type Shape = (value: unknown) => Shown | undefined

const CHARS_MAX = 256
const ITEMS_MAX = 64

const text: Shape = value => (typeof value === 'string' ? printable(value.slice(0, CHARS_MAX)) : undefined)
const word: Shape = value => (typeof value === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(value) ? value : undefined)
const count: Shape = value => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const texts: Shape = value =>
  Array.isArray(value)
    ? value.slice(0, ITEMS_MAX).flatMap(one => (typeof one === 'string' ? [printable(one.slice(0, CHARS_MAX))] : []))
    : undefined
const address: Shape = value =>
  typeof value === 'object' && value !== null && 'host' in value && 'port' in value && typeof value.port === 'number'
    ? { host: String(word(value.host) ?? ''), port: value.port }
    : undefined

const SHAPES: Readonly<Record<keyof LogFields, Shape>> = {
  session: word,
  recording: word,
  subject: text,
  target: text,
  client: text,
  targets: texts,
  postgres: address,
  admin: address,
  metrics: address,
  reason: word,
  sqlstate: word,
  keys: texts,
  policy: word,
  signal: word,
  level: word,
  place: text,
  why: text,
  frames: count,
  discardedBytes: count,
  sessions: count,
  waiting: count,
  worker: count,
  workers: count,
  pid: count,
  exit: count,
  ms: count,
  lagMs: count,
  memoryBytes: count,
  memoryBytesMax: count,
  descriptors: count,
  descriptorsNeeded: count,
  error: loggedError,
}
const FIELDS = new Map<string, Shape>(Object.entries(SHAPES))

/** What of the fields may be seen. Goes by what is there at run time, whatever the types said. */
export function presentable(fields: LogFields): Readonly<Record<string, Shown>> {
  const shown: [string, Shown][] = []
  for (const [name, shape] of FIELDS) {
    const value: unknown = Object.hasOwn(fields, name) ? Reflect.get(fields, name) : undefined
    const seen = value === undefined ? undefined : shape(value)
    if (seen !== undefined) shown.push([name, seen])
  }
  return Object.fromEntries(shown)
}
