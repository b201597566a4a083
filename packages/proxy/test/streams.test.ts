import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { EventStream, RecordedEvent, RecordingHeader } from '@querywarden/recording'
import { openEventStream } from '@querywarden/recording'
import { afterEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../src/config/parse.ts'
import { connectSyslog, postEvents } from '../src/deliver-events.ts'
import { type Governed, govern } from './governed-database.ts'
import { rawLogin } from './raw-client.ts'

const stops: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

const portOf = (server: Server | HttpServer): number => (server.address() as AddressInfo).port

/** A syslog server on this host, that reads messages by their octet counts and nothing else. */
async function syslogServer(port = 0) {
  const messages: string[] = []
  const sockets = new Set<Socket>()
  const server = createTcpServer(socket => {
    sockets.add(socket)
    let rest = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', data => {
      rest = Buffer.concat([rest, data])
      for (;;) {
        const [head = '', count = ''] = /^(\d+) /.exec(rest.subarray(0, 16).toString('latin1')) ?? []
        const end = head.length + Number(count)
        if (head === '' || rest.length < end) return
        messages.push(rest.subarray(head.length, end).toString('latin1'))
        rest = rest.subarray(end)
      }
    })
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  }
  stops.push(stop)
  return { messages, stop, port: portOf(server) }
}

/** An HTTP server that answers as it is told to, with what it was sent. */
async function httpServer(answers: readonly number[] = []) {
  const left = [...answers]
  const lines: string[] = []
  const requests: { readonly authorization: string | undefined; readonly type: string | undefined }[] = []
  const server = createHttpServer((request, response) => {
    let body = ''
    request.on('data', data => {
      body += String(data)
    })
    request.on('end', () => {
      const status = left.shift() ?? 204
      requests.push({ authorization: request.headers.authorization, type: request.headers['content-type'] })
      if (status < 300) lines.push(...body.trimEnd().split('\n'))
      response.writeHead(status).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise(resolve => server.close(resolve)))
  return { lines, requests, url: `http://127.0.0.1:${portOf(server)}/events` }
}

const HEADER: RecordingHeader = {
  recording: 'rec-1',
  session: 'ses-1',
  instance: 'i',
  boot: 'b',
  requester: { issuer: 'https://idp.example.com', subject: 'dévin' },
  actor: null,
  credentialDigest: null,
  target: { name: 'app', dialect: 'postgres', server: {} },
  policyVersion: 'p',
  catalogFingerprint: 'c',
  createdAt: 0,
  keyId: 'k',
  wrappedMetaKey: new Uint8Array(),
  valueCheck: new Uint8Array(),
}
const incident = (code: string): RecordedEvent => ({
  kind: 'incident',
  seq: 1,
  at: 1_700_000_000_000,
  monotonic: 0,
  statement: null,
  code,
  message: 'naïve\nwords',
})

type Options = Parameters<typeof openEventStream>[0]
function stream(connect: Options['connect'], more: Partial<Options> = {}): EventStream {
  const opened = openEventStream({
    name: 'test',
    format: 'jsonl',
    connect,
    queueEventsMax: 1_000,
    queueBytesMax: 1_000_000,
    clock: { now: () => 1_700_000_000_000, monotonic: () => performance.now() },
    // Tests don't wait as long as deployments do.
    sleep: ms => wait(Math.min(ms, 20)),
    ...more,
  })
  stops.push(() => opened.close(100))
  return opened
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 500 && !condition(); tries++) await wait(10)
  expect(condition()).toBe(true)
}
const codesOf = (lines: readonly string[]): readonly unknown[] =>
  lines.map(line => {
    const { kind, code, dropped } = JSON.parse(line) as { kind: string; code?: string; dropped?: number }
    return kind === 'gap' ? `gap ${dropped}` : code
  })
const jsonOf = (messages: readonly string[]): readonly string[] => messages.map(text => text.slice(text.indexOf('{')))

describe('a syslog server', () => {
  test('gets RFC 5424 messages behind their octet counts, in ASCII', async () => {
    const { messages, port } = await syslogServer()
    const told = stream(() => connectSyslog({ host: '127.0.0.1', port, tls: null, self: 'gateway 1' }))
    told.tell(incident('MASK_BREACH'), HEADER)
    await until(() => messages.length === 1)
    const [message = ''] = messages
    expect(message).toMatch(/^<106>1 2023-11-14T22:13:20\.000Z gateway_1 querywarden - incident - \{/)
    expect(message).toMatch(/^[ -~]*$/)
    expect(JSON.parse(message.slice(message.indexOf('{')))).toMatchObject({
      recording: 'rec-1',
      code: 'MASK_BREACH',
      message: 'naïve\nwords',
    })
  })

  test('that goes away and comes back gets what came meanwhile', async () => {
    const first = await syslogServer()
    const { port } = first
    const told = stream(() => connectSyslog({ host: '127.0.0.1', port, tls: null, self: 'g' }))
    told.tell(incident('A'), HEADER)
    await until(() => first.messages.length === 1)
    await first.stop()
    await wait(50)
    told.tell(incident('B'), HEADER)
    await until(() => told.state().failure !== null)
    told.tell(incident('C'), HEADER)
    const second = await syslogServer(port)
    await until(() => second.messages.length >= 2)
    expect(codesOf(jsonOf(second.messages))).toEqual(['B', 'C'])
    expect(told.state()).toMatchObject({ queued: 0, dropped: 0, failure: null })
  })
})

describe('an HTTP server', () => {
  test('gets lines of JSON in batches, with the token', async () => {
    const { lines, requests, url } = await httpServer()
    const told = stream(async () => postEvents({ url, token: 'secret-token' }))
    for (const code of ['A', 'B', 'C']) told.tell(incident(code), HEADER)
    await until(() => lines.length === 3)
    expect(codesOf(lines)).toEqual(['A', 'B', 'C'])
    expect(requests[0]).toEqual({ authorization: 'Bearer secret-token', type: 'application/x-ndjson' })
  })

  test('that fails is tried again; what it never takes is dropped, and told as a gap', async () => {
    const { lines, url } = await httpServer([503, 429, 204, 413])
    const told = stream(async () => postEvents({ url, token: null }))
    told.tell(incident('A'), HEADER)
    await until(() => lines.length === 1)
    told.tell(incident('POISON'), HEADER)
    await until(() => lines.length === 2)
    told.tell(incident('B'), HEADER)
    await until(() => lines.length === 3)
    expect(codesOf(lines)).toEqual(['A', 'gap 1', 'B'])
    expect(told.state()).toMatchObject({ dropped: 1 })
  })
})

describe('R3: a server that is slow or away', () => {
  test('takes no more than its queue, and what is missing is told where it would have been', async () => {
    let isOpen = false
    const { lines, url } = await httpServer()
    const connect = async () => {
      if (!isOpen) throw new Error('away')
      return postEvents({ url, token: null })
    }
    const told = stream(connect, { queueEventsMax: 2 })
    const began = performance.now()
    for (let at = 0; at < 1_000; at++) told.tell(incident(`E${at}`), HEADER)
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(told.state()).toMatchObject({ queued: 2, sent: 0, dropped: 998 })
    isOpen = true
    await until(() => lines.length === 3)
    told.tell(incident('LAST'), HEADER)
    await until(() => lines.length === 4)
    expect(codesOf(lines)).toEqual(['E0', 'E1', 'gap 998', 'LAST'])
    expect(told.state()).toMatchObject({ queued: 0, sent: 4, dropped: 998 })
  })

  test('in OCSF too, as a Base Event', async () => {
    const { lines, url } = await httpServer([422])
    const told = stream(async () => postEvents({ url, token: null }), { format: 'ocsf' })
    told.tell(incident('A'), HEADER)
    await until(() => lines.length === 1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      class_uid: 0,
      type_uid: 99,
      count: 1,
      metadata: { version: '1.3.0' },
    })
  })

  test('holds up no stop for longer than it may', async () => {
    const told = stream(() => Promise.reject(new Error('away')))
    told.tell(incident('A'), HEADER)
    const began = performance.now()
    await told.close(50)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

test('a gateway tells both of what its sessions do, and nothing of their values', async () => {
  const [syslog, http] = [await syslogServer(), await httpServer()]
  const governed: Governed = await govern({
    recording: {
      stream: [
        { kind: 'syslog', host: '127.0.0.1', port: syslog.port, tls: null, format: 'jsonl' },
        { kind: 'http', url: http.url, token: null, format: 'ocsf' },
      ],
    },
  })
  stops.push(() => governed.stop())
  const token = await governed.token()
  const client = await rawLogin(governed.gateway.postgres, token)
  await client.query("select name from customers where name = 'value-canary'")
  await client.query("create role r password 'secret-canary'")
  await client.query('drop table orders')
  client.send(Buffer.from('X\0\0\0\x04', 'latin1'))
  await client.toEnd()
  await until(() => syslog.messages.some(message => message.includes('"kind":"closed"')))
  await until(() => http.lines.some(line => line.includes('Disconnect')))
  const account = jsonOf(syslog.messages).map(line => JSON.parse(line) as { kind: string })
  expect(account.map(({ kind }) => kind)).toEqual(['opened', 'intent', 'completion', 'refused', 'refused', 'closed'])
  expect(http.lines.map(line => (JSON.parse(line) as { activity_id: number }).activity_id)).toEqual([3, 4, 6, 7, 99])
  const all = [...syslog.messages, ...http.lines].join('\n')
  expect(all).not.toMatch(/canary/)
  expect(all).not.toContain(token)
  expect(all).toContain("where name = '?'")
})

describe('configuration', () => {
  const parsed = (stream: string) =>
    parseConfig(
      `
listen: { postgres: { address: 127.0.0.1:0 }, admin: { address: 127.0.0.1:0 } }
identity: [{ kind: static, tokens: [{ token: { env: T }, subject: s }] }]
targets: { app: { dialect: postgres, url: "postgres://u@127.0.0.1:1/app" } }
policy: ./policy.yaml
recording: { dir: ./recordings, stream: ${stream} }
`,
      '/etc/querywarden/querywarden.yaml',
    ).recording.stream

  test('names servers, tokens by reference, and certificates beside it', () => {
    expect(
      parsed(
        '[{ syslog: "tls://siem.example.com", ca: ca.pem }, { http: "https://siem.example.com/in", token: { env: SIEM }, format: ocsf }]',
      ),
    ).toEqual([
      { kind: 'syslog', host: 'siem.example.com', port: 6514, tls: { ca: '/etc/querywarden/ca.pem' }, format: 'jsonl' },
      { kind: 'http', url: 'https://siem.example.com/in', token: { kind: 'env', name: 'SIEM' }, format: 'ocsf' },
    ])
    expect(parsed('[{ syslog: "tcp://127.0.0.1:514" }]')).toMatchObject([{ port: 514, tls: null }])
  })

  test.each([
    '[{ syslog: "tcp://siem.example.com:514" }]',
    '[{ syslog: "udp://127.0.0.1:514" }]',
    '[{ syslog: "tls://siem.example.com:99999" }]',
    '[{ http: "http://siem.example.com/in" }]',
    '[{ http: "https://user:pass@siem.example.com/in" }]',
    '[{ http: "https://siem.example.com/in", token: hunter2 }]',
    '[{ http: "https://a", syslog: "tls://b:1" }]',
  ])('%s is refused', stream => {
    expect(() => parsed(stream)).toThrow(/recording\.stream/)
  })
})
