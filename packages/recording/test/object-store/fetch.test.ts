import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fetchRecordings, fileRecorder, readLogs } from '../../src/index.ts'
import { optionsFor, recordSample, temporaryDir } from '../fixtures.ts'
import { storeOf, storeServer } from './store-fixtures.ts'
import { sinkFor } from './upload-fixtures.ts'

describe('fetching', () => {
  test('takes no name from a bucket but those that a gateway gives', async () => {
    const server = await storeServer()
    for (const key of [
      'gateway/../../evil.dbrec',
      'gateway/boot-1/../x.dbrec',
      'gateway/boot-1/.dbrec',
      'gateway/boot-1/rec/x.dbrec',
      'gateway/boot-1/lock',
      'gateway/boot-1/rec.values',
      'gateway/boot-1/instance.log/1-2',
      'gateway/boot-1/rec.dbrec\n',
    ])
      server.tamper(key, Buffer.from('x'))
    const dir = await temporaryDir()
    expect(await fetchRecordings({ store: storeOf(server), dir })).toMatchObject({ recordings: 0, passedOver: 8 })
    expect(await readdir(dir)).toEqual([])
  })

  test('leaves what is there and differs, and says so', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const { recording, boot } = await recordSample(dir)
    const recorder = await fileRecorder(optionsFor(dir))
    await sinkFor(dir, recorder, server).pass()
    await recorder.close()
    const copy = await temporaryDir()
    await mkdir(join(copy, boot))
    const file = join(copy, boot, `${recording}.dbrec`)
    await writeFile(file, 'my own')
    const log = join(copy, boot, 'instance.log')
    await writeFile(log, 'my own')
    const report = await fetchRecordings({ store: storeOf(server), dir: copy })
    expect([...report.differing].sort()).toEqual([file, log].sort())
    expect(await readFile(file, 'utf8')).toBe('my own')
    await rm(file)
    await rm(log)
    await fetchRecordings({ store: storeOf(server), dir: copy })
    await appendFile(log, 'more')
    // A longer log than there is there: not the bucket's to make shorter.
    await fetchRecordings({ store: storeOf(server), dir: copy })
    expect((await readFile(log)).subarray(-4).toString()).toBe('more')
    expect((await readLogs(copy)).recordings.size).toBe(1)
  })
})
