import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FileRecorder, fileRecorder, readInstanceLog } from '../../src/index.ts'
import { intent, opening, optionsFor, temporaryDir } from '../fixtures.ts'
import { storeOf, storeServer } from './store-fixtures.ts'
import { fetched, sinkFor, verdicts } from './upload-fixtures.ts'

describe('large recordings go in parts', () => {
  const big = 'x'.repeat(12_000)
  async function bigRecording(dir: string): Promise<FileRecorder> {
    const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 10_000_000 }))
    const session = await recorder.record(opening())
    for (let i = 1; i <= 25; i++) await session.append(intent(i, `select ${i} /* ${big} */`, { effects: ['write'] }))
    await session.close('client-left')
    return recorder
  }

  test('what an earlier try brought there is not sent again', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await bigRecording(dir)
    server.fail({ operation: 'CompleteMultipartUpload', kind: 'denied' })
    const sink = sinkFor(dir, recorder, server, { partBytes: 8_192 })
    await expect(sink.pass()).rejects.toMatchObject({ code: 'STORE_REFUSED' })
    const sent = server.requests.filter(line => line.startsWith('UploadPart')).length
    expect(sent).toBeGreaterThan(4)
    await sink.pass()
    expect(server.requests.filter(line => line.startsWith('UploadPart')).length).toBe(sent)
    await recorder.close()
    expect(await verdicts(await fetched(server))).toEqual(['COMPLETE'])
    expect(server.openUploads()).toBe(0)
  })

  test('a part that is not what is here is sent again', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await bigRecording(dir)
    const name = (await readdir(join(dir, recorder.boot))).find(file => file.endsWith('.dbrec'))
    const store = storeOf(server)
    const key = `${recorder.boot}/${name}`
    const upload = await store.begin(key, null)
    await store.putPart(key, upload, { number: 2, bytes: Buffer.alloc(8_192) })
    await store.begin(key, null)
    await sinkFor(dir, recorder, server, { partBytes: 8_192 }).pass()
    await recorder.close()
    expect(server.openUploads()).toBe(0)
    expect(await verdicts(await fetched(server))).toEqual(['COMPLETE'])
  })

  test.each(['UploadPart', 'CompleteMultipartUpload', 'PutObject', 'CreateMultipartUpload'] as const)(
    'the answer to %s is lost: it is stored once, whole',
    async operation => {
      const [dir, server] = [await temporaryDir(), await storeServer()]
      const recorder = await bigRecording(dir)
      server.fail({ operation, kind: 'lost-answer' })
      const sink = sinkFor(dir, recorder, server, { partBytes: 8_192 })
      await sink.pass()
      await recorder.close()
      await sink.finish(1_000)
      expect(await verdicts(await fetched(server))).toEqual(['COMPLETE'])
      for (const key of server.objects().keys()) expect(server.versions(key)).toHaveLength(1)
    },
  )

  test('the digest in the log is that of the whole file', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await bigRecording(dir)
    await sinkFor(dir, recorder, server, { partBytes: 8_192 }).pass()
    await recorder.close()
    const { entries } = await readInstanceLog([await readFile(join(dir, recorder.boot, 'instance.log'))])
    const stored = entries.map(({ entry }) => entry).find(entry => entry.kind === 'stored')
    const file = join(dir, recorder.boot, `${stored?.kind === 'stored' ? stored.recording : ''}.dbrec`)
    expect(stored).toMatchObject({ place: 's3://recordings/gateway' })
    expect(stored?.kind === 'stored' && Buffer.from(stored.digest).toString('hex')).toBe(
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    )
  })
})
