import type { PostgresMajor, PostgresServer } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BACKEND, FRONTEND } from '../../src/postgres/index.ts'
import { decodeRecording, type Sent } from './decode-recording.ts'
import { type RecordingRelay, startRecordingRelay } from './recording-relay.ts'
import { cancelInPsql, runNodePostgres, runPsql, runRaw } from './sessions.ts'
import { startTrustingServer } from './trusting-server.ts'

/** Start-up packets by their first word, to tell versions. */
const version = ({ bytes }: Sent): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return `${view.getUint16(4)}.${view.getUint16(6)}`
}

const secretKeyBytes = ({ bytes }: Sent): number => bytes.length - 9

describe.each<PostgresMajor>([15, 16, 17, 18])('what PostgreSQL %d and its clients say', major => {
  let server: PostgresServer
  let relay: RecordingRelay
  let sent: Sent[]

  beforeAll(async () => {
    server = await startTrustingServer(major)
    relay = await startRecordingRelay(server.port)
    const through = { server, port: relay.port }
    await runPsql(through)
    await cancelInPsql(through)
    await runNodePostgres(through)
    await runRaw(through, 0)
    await runRaw(through, 9999)
    if (major >= 18) {
      await runPsql(through, '3.2')
      await cancelInPsql(through, '3.2')
    }
    sent = relay.recordings.flatMap(decodeRecording)
  })

  afterAll(async () => {
    await relay?.stop()
    await server?.stop()
  })

  test('E1 E3 decodes and encodes to the same bytes, message for message, in both directions', () => {
    expect(sent.length).toBeGreaterThan(500)
    const differing = sent.filter(({ bytes, again }) => Buffer.compare(bytes, again) !== 0)
    expect(differing.map(({ from, kind }) => `${from} ${kind}`)).toEqual([])
  })

  test('is every kind of message that there is, save those of GSSAPI', () => {
    const seen = (from: Sent['from']): string[] => [
      ...new Set(sent.filter(each => each.from === from).map(({ kind }) => kind)),
    ]
    expect(seen('startup').sort()).toEqual(['cancel-request', 'ssl-request', 'startup'])
    const ofClients = Object.keys(FRONTEND).concat('saslInitialResponse', 'saslResponse')
    expect(ofClients.filter(kind => !seen('frontend').includes(kind))).toEqual([])
    const ofServers = Object.keys(BACKEND).filter(kind => kind !== 'authentication')
    const logins = ['ok', 'cleartext-password', 'md5-password', 'sasl', 'sasl-continue', 'sasl-final']
    const expected = [...ofServers, ...logins.map(kind => `authentication ${kind}`)]
    expect(expected.filter(kind => !seen('backend').includes(kind))).toEqual([])
  })

  test('E9 versions and the keys that go with them', () => {
    const versions = new Set(sent.filter(({ kind }) => kind === 'startup').map(version))
    expect([...versions].sort()).toEqual(major >= 18 ? ['3.0', '3.2', '3.9999'] : ['3.0', '3.9999'])
    const keys = new Set(sent.filter(({ kind }) => kind === 'backendKeyData').map(secretKeyBytes))
    expect([...keys].sort()).toEqual(major >= 18 ? [32, 4] : [4])
    const cancels = sent.filter(({ kind }) => kind === 'cancel-request').map(({ bytes }) => bytes.length - 12)
    expect(cancels).toEqual(major >= 18 ? [4, 32] : [4])
  })
})
