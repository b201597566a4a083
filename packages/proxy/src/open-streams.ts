import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@querywarden/policy-core'
import { type Delivery, type EntryTap, type EventStream, openEventStream } from '@querywarden/recording'
import { Counter, Gauge, type Registry } from 'prom-client'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import type { StreamConfig } from './config/stream.ts'
import { connectSyslog, postEvents } from './deliver-events.ts'

/** So much may wait for a server that is slow or away. */
const QUEUE_EVENTS_MAX = 20_000
const QUEUE_BYTES_MAX = 16 * 1024 * 1024
/** As long as a stop waits for what is on its way. */
const STOP_MS_MAX = 2_000

/** The servers that are told of what is recorded. */
export interface Streams {
  /** Null where nobody is told. */
  readonly onEntry: EntryTap | null
  /** To be called after the recorder is closed. */
  readonly stop: () => Promise<void>
}

/**
 * Opens a stream to each server. None of them has to be there: what can't be sent in time is dropped, counted, and told in the
 * stream as a gap.
 * @throws {ConfigError} a token or a certificate can't be read.
 */
export function openStreams(
  configs: readonly StreamConfig[],
  { env, clock, registry }: { readonly env: NodeJS.ProcessEnv; readonly clock: Clock; readonly registry: Registry },
): Streams {
  if (configs.length === 0) return { onEntry: null, stop: async () => undefined }
  const streams = configs.map(config =>
    openEventStream({
      name: nameOf(config),
      format: config.format,
      connect: connecting(config, env),
      queueEventsMax: QUEUE_EVENTS_MAX,
      queueBytesMax: QUEUE_BYTES_MAX,
      clock,
      sleep: ms => sleep(ms, undefined, { ref: false }),
    }),
  )
  streamMetrics(registry, streams)
  return {
    onEntry: (event, header) => {
      for (const stream of streams) stream.tell(event, header)
    },
    stop: async () => {
      await Promise.all(streams.map(stream => stream.close(STOP_MS_MAX)))
    },
  }
}

/** Without path and query: a key may be in there. */
const nameOf = (config: StreamConfig): string =>
  config.kind === 'syslog' ? `syslog ${config.host}:${config.port}` : `http ${new URL(config.url).host}`

function connecting(config: StreamConfig, env: NodeJS.ProcessEnv): () => Promise<Delivery> {
  if (config.kind === 'http') {
    const token = config.token === null ? null : readSecret(config.token, env)
    return async () => postEvents({ url: config.url, token })
  }
  const { host, port } = config
  const tls = config.tls === null ? null : { ca: config.tls.ca === null ? null : readAuthority(config.tls.ca) }
  return () => connectSyslog({ host, port, tls, self: hostname() })
}

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    throw new ConfigError('UNREADABLE', `certificate authority \`${file}\` can't be read; name a PEM file`)
  }
}

function streamMetrics(registry: Registry, streams: readonly EventStream[]): void {
  const [registers, labelNames] = [[registry], ['stream'] as const]
  new Gauge({
    name: 'querywarden_stream_queued_events',
    help: 'Events that wait to be sent to a server.',
    labelNames,
    registers,
    aggregator: 'sum',
    collect() {
      for (const { name, queued } of streams.map(stream => stream.state())) this.set({ stream: name }, queued)
    },
  })
  for (const count of ['sent', 'dropped'] as const) {
    new Counter({
      name: `querywarden_stream_${count}_events_total`,
      help: count === 'sent' ? 'Events that a server was sent.' : 'Events that a server was not sent, and will not be.',
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const state of streams.map(stream => stream.state())) this.inc({ stream: state.name }, state[count])
      },
    })
  }
}
