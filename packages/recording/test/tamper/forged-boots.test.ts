import { execFileSync } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folderAnchorSource, localKeys, readInstanceLog, verifyDirectory } from '../../src/index.ts'
import { folderStorage } from '../../src/sinks/folder-storage.ts'
import { nodeFiles } from '../../src/sinks/node-files.ts'
import { openInstanceLog } from '../../src/writer/instance-log.ts'
import * as independent from '../../verifier/verify.mjs'
import { temporaryDir } from '../fixtures.ts'
import { SIGNER, Stage } from '../vectors/make-vectors.ts'
import { staleBytes } from '../vectors/staged-time.ts'
import { change, done, opening, systemClock } from '../writer-fixtures.ts'
import { type Opinion, opinionOf, otherOpinionOf } from './opinions.ts'

const VECTORS = fileURLToPath(new URL('../../vectors', import.meta.url))
const BOOT = '0197a000-0000-7000-8000-000000000001'
const FORGED = '0197a000-0000-7000-8000-00000000ffff'
const OTHER_KEK = Buffer.alloc(32, 9)

interface Place {
  readonly dir: string
  readonly anchor: string
}

async function copyOf(vector: string): Promise<Place> {
  const folder = join(await temporaryDir(), vector)
  await cp(join(VECTORS, vector), folder, { recursive: true })
  return { dir: join(folder, 'recordings'), anchor: join(folder, 'anchor') }
}

/** What both verifiers say, with anchor and key. */
async function opinion({ dir, anchor }: Place): Promise<Opinion> {
  const options = { keys: null, anchors: [folderAnchorSource(anchor)], verifierKeys: [SIGNER.verifierKey] }
  const found = opinionOf(await verifyDirectory(dir, options))
  const other = independent.verifyDirectory(dir, { anchors: [anchor], keys: [SIGNER.verifierKey] })
  expect(otherOpinionOf(other)).toEqual(found)
  return found
}

const logOf = async (dir: string, boot: string) => readInstanceLog([await readFile(join(dir, boot, 'instance.log'))])

/** A boot that nobody started, with a log under a key of the attacker's own, which says how long another log was. */
async function forgeBoot({ dir }: Place, boot: string, frames: number): Promise<void> {
  const log = await logOf(dir, boot)
  const chain = log.chainAt(frames) ?? Buffer.alloc(32)
  const folder = join(dir, FORGED)
  await mkdir(folder)
  const forged = await openInstanceLog({
    storage: folderStorage(folder, nodeFiles),
    keys: localKeys(OTHER_KEK, staleBytes()),
    clock: systemClock,
    sleep: () => new Promise<void>(() => undefined),
    randomBytes: staleBytes(),
    instance: 'nobody',
    boot: FORGED,
    previous: [{ boot, frames, chain }],
  })
  await forged.close()
}

/** A gateway that crashed after the session closed and before a checkpoint covered that; `next` is the start after it. */
async function crashed(next: { readonly kek?: Uint8Array; readonly anchored?: boolean } = {}): Promise<Place> {
  const base = await temporaryDir()
  const place = { dir: join(base, 'recordings'), anchor: join(base, 'anchor') }
  const live = { dir: join(base, 'live'), anchor: join(base, 'live-anchor') }
  for (const folder of [place.anchor, live.anchor]) await mkdir(folder)
  const stage = new Stage(live)
  const first = await stage.boot()
  const session = await first.record(opening())
  await stage.time.pass(5_000)
  await session.append(change(1, 'update public.orders set note = null'))
  await session.append(done(1))
  await session.close('client-left')
  await cp(live.dir, place.dir, { recursive: true })
  await cp(live.anchor, place.anchor, { recursive: true })
  await stage.time.pass(10)
  await first.close()
  const lock = join(place.dir, first.boot, 'lock')
  const [, , world] = (await readFile(lock, 'utf8')).split('\n')
  await writeFile(lock, `999999999\n1\n${world}\n`)
  const later = new Stage(place)
  for (let n = 0; n < 10; n++) later.nextId()
  const second = await later.boot(next)
  await later.time.pass(5_000)
  await second.close()
  return place
}

describe('R1: a boot that somebody made up', () => {
  test('hides no entry that is signed: a recording that it is to hide is MISSING', async () => {
    const place = await copyOf('whole')
    const [last] = (await readdir(join(place.dir, BOOT))).filter(name => name.endsWith('.dbrec')).toReversed()
    const id = (last ?? '').replace('.dbrec', '')
    const { entries } = await logOf(place.dir, BOOT)
    const opened = entries.find(({ entry }) => entry.kind === 'opened' && entry.recording === id)
    await rm(join(place.dir, BOOT, last ?? ''))
    await forgeBoot(place, BOOT, (opened?.frames ?? 0) - 1)
    expect((await opinion(place)).recordings.filter(line => line.startsWith(id))).toEqual([
      expect.stringContaining('MISSING'),
    ])
  })

  test('vouches for nothing: its own word is anchored nowhere', async () => {
    const place = await crashed({ anchored: false })
    const before = await opinion(place)
    expect(before.recordings).toEqual([expect.stringContaining('UNANCHORED')])
    const [boot = ''] = (await readdir(place.dir)).sort()
    await forgeBoot(place, boot, (await logOf(place.dir, boot)).head?.frames ?? 0)
    expect((await opinion(place)).recordings).toEqual(before.recordings)
  })
})

describe('R1: a log that a crash cut off from its anchors', () => {
  test('is vouched for by the next start, once that is anchored', async () => {
    expect((await opinion(await crashed())).recordings).toEqual([expect.stringContaining('COMPLETE')])
  })

  test('is not by a start that is anchored and had another key: it authenticated nothing', async () => {
    expect((await opinion(await crashed({ kek: OTHER_KEK }))).recordings).toEqual([
      expect.stringContaining('UNANCHORED'),
    ])
  })

  test('nor where it was changed since', async () => {
    const place = await crashed()
    const [boot = ''] = (await readdir(place.dir)).sort()
    const file = join(place.dir, boot, 'instance.log')
    const bytes = await readFile(file)
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1
    await writeFile(file, bytes)
    expect((await opinion(place)).recordings).not.toEqual([expect.stringContaining('COMPLETE')])
  })
})

describe('R1: what is no file', () => {
  test.each(['link', 'pipe', 'folder', 'upper case', 'deeper'])(
    '%s: is no recording, and holds nobody up',
    async kind => {
      const place = await copyOf('whole')
      const sound = await opinion(place)
      const [name = ''] = (await readdir(join(place.dir, BOOT))).filter(one => one.endsWith('.dbrec'))
      const [file, aside] = [join(place.dir, BOOT, name), join(place.dir, '..', name)]
      await rename(file, aside)
      if (kind === 'link') await symlink(aside, file)
      if (kind === 'pipe') execFileSync('mkfifo', [file])
      if (kind === 'folder') await mkdir(file)
      if (kind === 'upper case') await rename(aside, file.replace('.dbrec', '.DBREC'))
      if (kind === 'deeper') {
        await mkdir(join(place.dir, BOOT, 'deeper'))
        await rename(aside, join(place.dir, BOOT, 'deeper', name))
      }
      const found = await opinion(place)
      expect(found.recordings.filter(line => !sound.recordings.includes(line))).toEqual([
        expect.stringContaining('MISSING'),
      ])
    },
  )

  test.each(['instance.log', 'checkpoint'])('a pipe named %s', async name => {
    const place = await copyOf('whole')
    await rm(join(place.dir, BOOT, name))
    execFileSync('mkfifo', [join(place.dir, BOOT, name)])
    const { logs } = await opinion(place)
    expect(logs.some(line => line.includes('rolled back'))).toBe(name === 'instance.log')
  })
})
