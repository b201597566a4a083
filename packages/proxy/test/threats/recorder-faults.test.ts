import type { FileRecorderOptions, Storage } from '@querywarden/recording'
import { encodeQuery } from '@querywarden/wire/postgres'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Governed, govern } from '../governed-database.ts'
import { type RawClient, rawLogin } from '../raw-client.ts'
import { patientLogin } from './patient-login.ts'
import { within } from './within.ts'

/** What the disk of the recordings does from now on. The files are real ones. */
const disk = vi.hoisted(() => ({
  write: 'well' as 'well' | 'ENOSPC' | 'EIO',
  sync: 'well' as 'well' | 'EIO',
  held: null as Promise<void> | null,
}))

vi.mock(import('@querywarden/recording'), async original => {
  const recording = await original()
  const fault = (code: string): Error => Object.assign(new Error(code), { code })
  const faulty = (folder: Storage): Storage => ({
    ...folder,
    create: async (name, bytes) => {
      const file = await folder.create(name, bytes)
      return {
        ...file,
        write: bytes => (disk.write === 'well' ? file.write(bytes) : Promise.reject(fault(disk.write))),
        sync: async () => {
          await disk.held
          if (disk.sync !== 'well' && name.endsWith('.dbrec')) throw fault(disk.sync)
          await file.sync()
        },
      }
    },
  })
  return {
    ...recording,
    fileRecorder: (options: FileRecorderOptions) => recording.fileRecorder({ ...options, storage: faulty }),
  }
})

let governed: Governed
beforeAll(async () => {
  governed = await govern()
})
afterAll(() => governed.stop())
afterEach(() => Object.assign(disk, { write: 'well', sync: 'well', held: null }))

const login = async (): Promise<RawClient> => patientLogin(governed.gateway.postgres, await governed.token())
const insert = (id: number): Uint8Array => encodeQuery({ query: `insert into notes values (${id}, 'fault')` })
const isIn = async (id: number): Promise<boolean> =>
  (await governed.database.exec(`select 1 from notes where id = ${id}`)).length === 1
const REFUSED = expect.stringMatching(/58000.*can't be recorded/)

test('F12: where a sync of the recording fails the statement does not run, nor any other of its session, and others go on', async () => {
  const [client, other] = [await login(), await login()]
  disk.sync = 'EIO'
  expect(await client.query("insert into notes values (501, 'fault')")).toContainEqual(REFUSED)
  disk.sync = 'well'
  // What the kernel may have dropped is not tried again: for this session the disk stays as it was.
  expect(await client.query("insert into notes values (501, 'fault')")).toContainEqual(REFUSED)
  expect(await isIn(501)).toBe(false)
  other.send(insert(502))
  expect(await within(5_000, () => isIn(502))).toBe(true)
})

test('F10: on a full disk nothing runs and nobody logs in, and both go on once there is space, without a restart', async () => {
  const client = await login()
  disk.write = 'ENOSPC'
  expect(await client.query("insert into notes values (503, 'fault')")).toContainEqual(REFUSED)
  await expect(rawLogin(governed.gateway.postgres, await governed.token())).rejects.toThrow('58000')
  disk.write = 'well'
  expect(await isIn(503)).toBe(false)
  const isServed = async (): Promise<boolean> =>
    rawLogin(governed.gateway.postgres, await governed.token()).then(
      async next => (await next.query("insert into notes values (504, 'fault')")).includes('C INSERT 0 1'),
      () => false,
    )
  expect(await within(10_000, isServed)).toBe(true)
  expect(await isIn(504)).toBe(true)
})

test('F11: a statement waits for a slow disk, nothing new is taken at two seconds, and all goes on when it has caught up', async () => {
  const [client, other] = [await login(), await login()]
  let letGo = (): void => undefined
  disk.held = new Promise(resolve => {
    letGo = resolve
  })
  client.send(insert(505))
  const isRefused = async (): Promise<boolean> =>
    rawLogin(governed.gateway.postgres, await governed.token()).then(
      () => false,
      (error: unknown) => String(error).includes('58000'),
    )
  await new Promise(resolve => setTimeout(resolve, 2_100))
  expect(await within(5_000, isRefused)).toBe(true)
  expect(await isIn(505)).toBe(false)
  disk.held = null
  letGo()
  expect(await within(5_000, () => isIn(505))).toBe(true)
  other.send(insert(506))
  expect(await within(5_000, () => isIn(506))).toBe(true)
})
