import { knownKeys, type SecretRef } from '@querywarden/policy-core'
import type { ExportFormat } from '@querywarden/recording'
import * as z from 'zod'
import { isThisHost } from '../loopback.ts'

/** A server that is told of what is recorded, without values. */
export type StreamConfig =
  | {
      readonly kind: 'syslog'
      readonly host: string
      readonly port: number
      /** Null without TLS, which only a server on this host may be. `ca` is a PEM file; null means the roots that Node trusts. */
      readonly tls: { readonly ca: string | null } | null
      readonly format: ExportFormat
    }
  | { readonly kind: 'http'; readonly url: string; readonly token: SecretRef | null; readonly format: ExportFormat }

/** A stream as it is written. */
export type GivenStream =
  | { readonly syslog: string; readonly ca?: string | undefined; readonly format: ExportFormat }
  | { readonly http: string; readonly token?: SecretRef | undefined; readonly format: ExportFormat }

const STREAMS_MAX = 8
/** RFC 5425 for TLS; RFC 6587 has none, and this is what servers take. */
const PORTS = { 'tls:': 6514, 'tcp:': 601 } as const
const SYSLOG =
  'expected tls://host:port, or tcp://host:port on this host: what is recorded would cross the network in the clear'
const HTTP =
  'expected an https:// URL, or an http:// one on this host: what is recorded would cross the network in the clear'

const strict = <T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, knownKeys(shape))

/** The schema of `recording.stream`. */
export function streamDocument(secret: z.ZodType<SecretRef>): z.ZodType<readonly GivenStream[]> {
  const format = z.enum(['jsonl', 'ocsf']).default('jsonl')
  const path = z.string().min(1).max(1_024)
  const syslog = z
    .string()
    .max(512)
    .refine(url => addressOf(url) !== null, SYSLOG)
  const http = z.string().max(2_048).refine(isSafeUrl, HTTP)
  return z
    .array(
      z.union([strict({ syslog, ca: path.optional(), format }), strict({ http, token: secret.optional(), format })], {
        error: 'expected { syslog: tls://host:port } or { http: URL, token: SECRET }',
      }),
    )
    .max(STREAMS_MAX)
}

/** Streams with their files' names made absolute. */
export const streamsWithin = (
  given: readonly GivenStream[],
  { secret, at }: { readonly secret: (ref: SecretRef) => SecretRef; readonly at: (path: string) => string },
): readonly StreamConfig[] =>
  given.flatMap((one): readonly StreamConfig[] => {
    const { format } = one
    if ('http' in one) {
      return [{ kind: 'http', url: one.http, token: one.token === undefined ? null : secret(one.token), format }]
    }
    const address = addressOf(one.syslog)
    if (address === null) return []
    const { host, port, isTls } = address
    return [
      { kind: 'syslog', host, port, tls: isTls ? { ca: one.ca === undefined ? null : at(one.ca) } : null, format },
    ]
  })

function addressOf(text: string): { readonly host: string; readonly port: number; readonly isTls: boolean } | null {
  const [, scheme, host = '', port] =
    /^(tls:|tcp:)\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (scheme !== 'tls:' && scheme !== 'tcp:') return null
  const name = host.replace(/^\[|\]$/g, '')
  const number = port === undefined ? PORTS[scheme] : Number(port)
  const isTls = scheme === 'tls:'
  return number < 1 || number > 65_535 || (!isTls && !isThisHost(name)) ? null : { host: name, port: number, isTls }
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isThisHost(hostname.replace(/^\[|\]$/g, '')))
}
