import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ObjectStoreServer } from '@querywarden/dev-servers'
import { build } from 'vite'
import { beforeAll, describe, expect, test } from 'vitest'
import { fetchRecordings, fileRecorder, localKeys, verifyDirectory } from '../../src/index.ts'
import { intent, KEK, opening, optionsFor, temporaryDir } from '../fixtures.ts'
import { storeOf, storeServer } from './store-fixtures.ts'

const SESSIONS = 3
const KILLS = 5
let uploader: string

beforeAll(async () => {
  const outDir = await temporaryDir()
  await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('.', import.meta.url)),
    resolve: { conditions: ['@querywarden/source'] },
    ssr: { noExternal: true, target: 'node', resolve: { conditions: ['@querywarden/source', 'node', 'import'] } },
    build: {
      ssr: fileURLToPath(new URL('./kill-uploader.ts', import.meta.url)),
      outDir,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'uploader.mjs' } },
    },
  })
  uploader = join(outDir, 'uploader.mjs')
})

/** Lets an uploader go on until the store has answered so often, and kills it with SIGKILL; gives whether it was done before. */
async function uploadAndKill(
  dir: string,
  server: ObjectStoreServer,
  answersMax: number,
  how: string,
): Promise<boolean> {
  const { url, region, accessKeyId, secretAccessKey } = server
  const child = spawn(process.execPath, [uploader, dir, url, region, accessKeyId, secretAccessKey, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.split('\n').length > answersMax) child.kill('SIGKILL')
  })
  await closed
  return text.endsWith('done\n')
}

async function record(dir: string): Promise<ReadonlyMap<string, string>> {
  const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 10_000_000 }))
  for (let n = 0; n < SESSIONS; n++) {
    const session = await recorder.record(opening())
    for (let i = 1; i <= 12; i++) {
      await session.append(intent(i, `select ${i} /* ${'y'.repeat(6_000)} */`, { effects: ['write'] }))
    }
    await session.close('client-left')
  }
  await recorder.close()
  const folder = join(dir, recorder.boot)
  const names = (await readdir(folder)).filter(name => name.endsWith('.dbrec') || name === 'instance.log')
  return new Map(
    await Promise.all(
      names.map(async name => [join(recorder.boot, name), await digestOf(join(folder, name))] as const),
    ),
  )
}

const digestOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex')

const keys = localKeys(KEK, count => Buffer.alloc(count))

describe('R5, F24: an uploader killed with SIGKILL, again and again', () => {
  test.each(['keep', 'remove'])(
    'what is in the bucket in the end is what was recorded, byte by byte (%s)',
    {
      timeout: 120_000,
    },
    async how => {
      const [dir, server] = [await temporaryDir(), await storeServer()]
      const recorded = await record(dir)
      let done = false
      for (let kill = 0; kill < KILLS && !done; kill++) done = await uploadAndKill(dir, server, 4 + kill * 4, how)
      expect(server.requests.filter(line => line.startsWith('CreateMultipartUpload')).length).toBeGreaterThan(0)
      while (!done) done = await uploadAndKill(dir, server, Number.POSITIVE_INFINITY, how)
      const copy = await temporaryDir()
      await fetchRecordings({ store: storeOf(server), dir: copy })
      for (const [name, digest] of recorded) expect(await digestOf(join(copy, name))).toBe(digest)
      expect((await verifyDirectory(copy, { keys })).recordings.map(({ verdict }) => verdict.kind)).toEqual(
        Array.from({ length: SESSIONS }, () => 'COMPLETE'),
      )
      for (const key of server.objects().keys()) expect(server.versions(key)).toHaveLength(1)
      expect(server.openUploads()).toBe(0)
      const left = [...recorded.keys()].filter(name => name.endsWith('.dbrec')).map(name => join(dir, name))
      const isThere = await Promise.all(
        left.map(file =>
          readFile(file).then(
            () => true,
            () => false,
          ),
        ),
      )
      expect(isThere).toEqual(left.map(() => how === 'keep'))
    },
  )
})
