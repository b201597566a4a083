import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type FileRecorder, fetchRecordings, fileRecorder } from '../../src/index.ts'
import { change, opening, optionsFor, recordSample, temporaryDir } from '../fixtures.ts'
import { storeOf, storeServer } from './store-fixtures.ts'
import { fetched, filesIn, loggedKinds, recordSession, sinkFor, verdicts } from './upload-fixtures.ts'

describe('R1: what has ended is kept where this host can not change it', () => {
  test('recordings and log: what is brought back is the same, byte by byte, and verifies alike', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    const open = await recorder.record(opening())
    await recordSession(recorder)
    await recordSession(recorder, 'select 2')
    const lock = { mode: 'COMPLIANCE', ms: 86_400_000 } as const
    const sink = sinkFor(dir, recorder, server, { lock })
    await sink.pass()
    expect(sink.state()).toMatchObject({ waiting: 0, stored: 2, failure: null })
    await open.close('client-terminated')
    await sink.pass()
    await recorder.close()
    await sink.finish(1_000)
    expect(await loggedKinds(dir)).toEqual(expect.arrayContaining(['stored', 'stored', 'stored']))
    const copy = await fetched(server)
    const original = [...(await filesIn(dir))].filter(([name]) => !/\.(values|tail)$|lock$/.test(name))
    expect([...(await filesIn(copy))]).toEqual(original)
    expect(await verdicts(copy)).toEqual(['COMPLETE', 'COMPLETE', 'COMPLETE'])
    for (const key of server.objects().keys()) expect(server.versions(key)[0]?.lock?.mode).toBe('COMPLIANCE')
    // Each was made once.
    for (const key of server.objects().keys()) expect(server.versions(key)).toHaveLength(1)
  })

  test('keys of values never leave the host', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    await recordSession(recorder)
    await sinkFor(dir, recorder, server).pass()
    await recorder.close()
    expect([...server.objects().keys()].map(key => key.replace(/^.*\./, ''))).toContain('dbrec')
    expect([...server.objects().keys()].filter(key => key.includes('values'))).toEqual([])
  })

  test('R1: a session that is deleted here is MISSING here, and whole in the bucket', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const { file, boot, folder } = await recordSample(dir)
    const recorder = await fileRecorder(optionsFor(dir))
    await sinkFor(dir, recorder, server).pass()
    await recorder.close()
    await rm(file)
    expect(await verdicts(dir)).toEqual(['MISSING'])
    await rm(folder, { recursive: true })
    const copy = await fetched(server)
    expect(await readdir(join(copy, boot))).toContain('instance.log')
    expect(await verdicts(copy)).toEqual(['COMPLETE'])
  })

  test('a session in progress is not uploaded, its log is', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    const session = await recorder.record(opening())
    await sinkFor(dir, recorder, server).pass()
    expect([...server.objects().keys()].map(key => key.replace(/^.*\/([^/]+)\/[^/]+$/, '$1'))).toEqual(['instance.log'])
    expect(await verdicts(await fetched(server))).toEqual(['MISSING'])
    await session.close('client-left')
    await recorder.close()
  })

  test('an object that somebody else wrote in its place is told', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const { recording, boot } = await recordSample(dir)
    const recorder = await fileRecorder(optionsFor(dir))
    await sinkFor(dir, recorder, server).pass()
    await recorder.close()
    const key = `gateway/${boot}/${recording}.dbrec`
    const bytes = Buffer.from(server.objects().get(key) ?? [])
    bytes[bytes.length - 200] = (bytes[bytes.length - 200] ?? 0) ^ 1
    server.tamper(key, bytes)
    expect(await verdicts(await fetched(server))).toEqual(['TAMPERED'])
  })
})

describe('a log grows there as it does here', () => {
  test('piece by piece, and what is fetched again goes on', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    const sink = sinkFor(dir, recorder, server)
    await recordSession(recorder)
    await sink.pass()
    const copy = await fetched(server)
    const before = await readFile(join(copy, recorder.boot, 'instance.log'))
    for (let round = 0; round < 3; round++) {
      await recordSession(recorder)
      await sink.pass()
    }
    await recorder.close()
    await sink.finish(1_000)
    const segments = [...server.objects().keys()].filter(key => key.includes('/instance.log/'))
    expect(segments.length).toBeGreaterThanOrEqual(4)
    expect((await fetchRecordings({ store: storeOf(server), dir: copy })).differing).toEqual([])
    const after = await readFile(join(copy, recorder.boot, 'instance.log'))
    expect(after.length).toBeGreaterThan(before.length)
    expect(after).toEqual(await readFile(join(dir, recorder.boot, 'instance.log')))
    expect(await verdicts(copy)).toEqual(['COMPLETE', 'COMPLETE', 'COMPLETE', 'COMPLETE'])
  })

  test('a piece that is gone is told, not skipped', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    const sink = sinkFor(dir, recorder, server)
    await sink.pass()
    await recordSession(recorder)
    await sink.pass()
    await recorder.close()
    const store = storeOf(server)
    const [first] = [...server.objects().keys()].filter(key => key.includes('/instance.log/'))
    const without = {
      ...store,
      list: async function* (prefix: string) {
        for await (const object of store.list(prefix)) if (`gateway/${object.key}` !== first) yield object
      },
    }
    await expect(fetchRecordings({ store: without, dir: await temporaryDir() })).rejects.toMatchObject({
      code: 'MALFORMED',
      message: expect.stringContaining("isn't whole"),
    })
  })

  test('a log that is shorter here than there is told, and holds up no recording', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const { folder } = await recordSample(dir)
    const first = await fileRecorder(optionsFor(dir))
    const sink = sinkFor(dir, first, server)
    await sink.pass()
    await sink.stop(1_000)
    await first.close()
    await rm(join(folder, 'uploaded'))
    const log = join(folder, 'instance.log')
    await truncate(log, (await readFile(log)).length - 10)
    const second = await fileRecorder(optionsFor(dir))
    await recordSession(second)
    const again = sinkFor(dir, second, server)
    await expect(again.pass()).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    expect(again.state().failure).toContain('is shorter here than in s3://recordings/gateway')
    expect(again.state().waiting).toBe(0)
    await second.close()
  })
})

describe('a bucket that can not be reached', () => {
  test('F10: holds up no session; what waits is told, and brought there when it works again', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    server.fail({ operation: 'PutObject', kind: 'unavailable', times: 1_000 })
    const sink = sinkFor(dir, recorder, server)
    await recordSession(recorder)
    await expect(sink.pass()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await recordSession(recorder)
    await expect(sink.pass()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(sink.state()).toMatchObject({ waiting: 2, stored: 0, failure: expect.stringContaining('503 SlowDown') })
    expect(sink.state().waitingBytes).toBeGreaterThan(1_000)
    expect(sink.state().lagMs).toBeGreaterThan(0)
    server.heal()
    await sink.pass()
    expect(sink.state()).toMatchObject({ waiting: 0, lagMs: 0, stored: 2, failure: null })
    await recorder.close()
  })

  test('another object under its key is never overwritten, and holds up no other recording', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    await recordSession(recorder)
    const [name] = (await readdir(join(dir, recorder.boot))).filter(file => file.endsWith('.dbrec'))
    server.tamper(`gateway/${recorder.boot}/${name}`, Buffer.from('something else'))
    await recordSession(recorder)
    const sink = sinkFor(dir, recorder, server, { keepLocal: false })
    await expect(sink.pass()).rejects.toMatchObject({ code: 'STORE_CONFLICT' })
    expect(server.objects().get(`gateway/${recorder.boot}/${name}`)).toEqual(Buffer.from('something else'))
    expect(sink.state()).toMatchObject({ waiting: 1, stored: 1 })
    expect((await readdir(join(dir, recorder.boot))).filter(file => file.endsWith('.dbrec'))).toEqual([name])
    await recorder.close()
  })
})

describe('keep_local: false', () => {
  test('R1: what is stored is removed here, which the log says before; its values stay', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    await recordSession(recorder)
    const order: string[] = []
    const account: FileRecorder['account'] = async entry => {
      const isThere = (await readdir(join(dir, recorder.boot))).some(name => name.endsWith('.dbrec'))
      order.push(
        `${entry.kind} ${isThere ? 'here' : 'gone'} ${[...server.objects().keys()].some(key => key.endsWith('.dbrec')) ? 'there' : 'not there'}`,
      )
      await recorder.account(entry)
    }
    const sink = sinkFor(dir, { boot: recorder.boot, account }, server, { keepLocal: false })
    await sink.pass()
    expect(order).toEqual(['stored here there', 'retired here there'])
    const left = (await readdir(join(dir, recorder.boot))).map(name => name.replace(/^.*\./, ''))
    expect(left).toContain('values')
    expect(left).not.toContain('dbrec')
    await recorder.close()
    await sink.finish(1_000)
    expect(await verdicts(await fetched(server))).toEqual(['COMPLETE'])
  })

  test('nothing is removed where the log can not be written', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const recorder = await fileRecorder(optionsFor(dir))
    await recordSession(recorder)
    const account = async (): Promise<void> => {
      throw new Error('disk')
    }
    const sink = sinkFor(dir, { boot: recorder.boot, account }, server, { keepLocal: false })
    await expect(sink.pass()).rejects.toThrow('disk')
    expect((await readdir(join(dir, recorder.boot))).some(name => name.endsWith('.dbrec'))).toBe(true)
    await recorder.close()
  })
})

describe('folders of earlier starts', () => {
  test('are uploaded once nobody lives in them, and then marked and left alone', async () => {
    const [dir, server] = [await temporaryDir(), await storeServer()]
    const { folder } = await recordSample(dir)
    const other = await fileRecorder(optionsFor(dir))
    await recordSession(other)
    const recorder = await fileRecorder(optionsFor(dir))
    const sink = sinkFor(dir, recorder, server)
    await sink.pass()
    // The other one lives: it uploads what is its own.
    expect([...server.objects().keys()].filter(key => key.endsWith('.dbrec'))).toHaveLength(1)
    expect(await readdir(folder)).toContain('uploaded')
    const before = server.requests.length
    await sink.pass()
    expect(server.requests.slice(before).filter(line => line.includes(folder.slice(dir.length + 1)))).toEqual([])
    await other.close()
    await sink.pass()
    expect([...server.objects().keys()].filter(key => key.endsWith('.dbrec'))).toHaveLength(2)
    await recorder.close()
  })
})

describe('R5, F24: a recording that a killed start left open', () => {
  test('is uploaded when the next start has sealed it, and not before', async () => {
    const [dir, other, server] = [await temporaryDir(), await temporaryDir(), await storeServer()]
    const dead = await fileRecorder(optionsFor(other))
    const session = await dead.record(opening())
    await session.append(change(1, 'update t set a = 1'))
    // What a kill leaves: the folder as it is now, with the lock of a process that is no more.
    await cp(join(other, dead.boot), join(dir, dead.boot), { recursive: true })
    const lock = join(dir, dead.boot, 'lock')
    const [, , world] = (await readFile(lock, 'utf8')).split('\n')
    await writeFile(lock, `999999999\n1\n${world}\n`)
    await session.close('client-left')
    await dead.close()
    const early = sinkFor(dir, { boot: 'none', account: async () => undefined }, server)
    await early.pass()
    expect([...server.objects().keys()].filter(key => key.endsWith('.dbrec'))).toEqual([])
    const recorder = await fileRecorder(optionsFor(dir))
    const sink = sinkFor(dir, recorder, server)
    await sink.pass()
    await recorder.close()
    await sink.finish(1_000)
    expect(await verdicts(await fetched(server))).toEqual(['TORN'])
    expect(await loggedKinds(dir)).toEqual(expect.arrayContaining(['recovered', 'stored']))
  })
})
