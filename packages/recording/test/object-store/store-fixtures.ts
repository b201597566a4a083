import { type ObjectStoreOptions, type ObjectStoreServer, startObjectStore } from '@querywarden/dev-servers'
import { afterEach } from 'vitest'
import { type ObjectStore, type S3Options, s3Store } from '../../src/index.ts'

const running: ObjectStoreServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(server => server.stop()))
})

export async function storeServer(options: ObjectStoreOptions = {}): Promise<ObjectStoreServer> {
  const server = await startObjectStore({ partBytesMin: 1, ...options })
  running.push(server)
  return server
}

export const optionsOf = (server: ObjectStoreServer, more: Partial<S3Options> = {}): S3Options => ({
  endpoint: server.url,
  region: server.region,
  bucket: server.bucket,
  prefix: 'gateway',
  addressing: 'path',
  credentials: async () => ({
    accessKeyId: server.accessKeyId,
    secretAccessKey: server.secretAccessKey,
    sessionToken: server.sessionToken,
  }),
  fetch,
  deadline: ms => AbortSignal.timeout(ms),
  // Nobody waits in a test.
  sleep: async () => undefined,
  random: () => 0.5,
  now: Date.now,
  ...more,
})

export const storeOf = (server: ObjectStoreServer, more: Partial<S3Options> = {}): ObjectStore =>
  s3Store(optionsOf(server, more))

export async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
