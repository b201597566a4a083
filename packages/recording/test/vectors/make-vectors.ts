import { createHash } from 'node:crypto'
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import {
  type CheckpointSigner,
  type FileRecorder,
  fileRecorder,
  folderAnchor,
  keySigner,
  readLogs,
} from '../../src/index.ts'
import { dataRow, rowsEntry } from '../rows-fixtures.ts'
import { change, done, intent, KEK, opening, optionsFor, sampleEntries } from '../writer-fixtures.ts'
import { countedIds, StagedTime, staleBytes } from './staged-time.ts'

/** The key that signs the vectors' checkpoints: public, as all of this is. */
const SIGNING_PEM = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
`
export const SIGNER: CheckpointSigner = keySigner({ name: 'vectors.example.com', pem: SIGNING_PEM })

/** Where a vector lies: the recordings, and what an anchor keeps of them. */
export interface Place {
  readonly dir: string
  readonly anchor: string
}

/** A gateway whose time, keys and ids are the same every time. */
export class Stage {
  readonly time: StagedTime = new StagedTime()
  readonly place: Place
  readonly #randomBytes = staleBytes()
  readonly nextId: () => string = countedIds()

  constructor(place: Place) {
    this.place = place
  }

  /** Starts a boot. Checkpoints are made every 5 s of its time, and kept. */
  boot(more: { readonly anchored?: boolean; readonly kek?: Uint8Array } = {}): Promise<FileRecorder> {
    const { time, place } = this
    return fileRecorder(
      optionsFor(place.dir, {
        kek: more.kek ?? KEK,
        parameters: 'encrypted',
        clock: time.clock,
        sleep: time.sleep,
        files: time.files,
        randomBytes: this.#randomBytes,
        newId: this.nextId,
        instance: 'gateway-1',
        checkpoints: {
          signer: SIGNER,
          anchors: more.anchored === false ? [] : [folderAnchor(place.anchor, time.files)],
          everyMs: 5_000,
          graceMs: 900_000,
        },
      }),
    )
  }
}

const rowEntries: readonly Entry[] = [
  intent(7, 'select id, note from public.orders'),
  { kind: 'notice', statement: 7, notice: notice('00000', 'a notice with a value 4711 in it') },
  rowsEntry(7, [Buffer.from('first'), Buffer.from('second')]),
  rowsEntry(7, [Buffer.from('third')], { first: 2, columns: null, keep: 'digest' }),
  done(7),
  intent(8, 'select 1 / n from public.orders'),
  {
    kind: 'completion',
    statement: 8,
    completion: {
      kind: 'failed',
      sqlstate: '22012',
      rows: 0,
      bytes: 0,
      ms: 1,
      error: notice('22012', 'division by zero of 4711'),
    },
  },
]

function notice(sqlstate: string, message: string) {
  return { severity: sqlstate === '00000' ? 'NOTICE' : 'ERROR', sqlstate, constraint: null, message }
}

/** Every kind of entry, in a session that closed. */
export async function makeWhole(place: Place): Promise<void> {
  const stage = new Stage(place)
  const gateway = await stage.boot()
  await stage.time.pass(10)
  const session = await gateway.record(opening())
  for (const entry of [...sampleEntries, ...rowEntries]) {
    await session.append(entry)
    await stage.time.pass(20)
  }
  await gateway.account({ kind: 'setting', name: 'policy', digest: 'sha256:aa' })
  await stage.time.pass(5_000)
  await session.close('client-terminated')
  const second = await gateway.record(opening({ session: 's-2' }))
  await second.append(change(1, 'update public.orders set note = null'))
  await second.append(done(1))
  stage.time.setWall(-3_600_000)
  await stage.time.pass(1_000)
  await second.append(change(2, 'delete from public.orders where id = 3'))
  await second.append(done(2))
  await second.close('shutdown')
  await stage.time.pass(5_000)
  await gateway.close()
}

/** A session that is under way: some of it is anchored, some only in the log, some in neither. */
export async function makeOpen(place: Place): Promise<void> {
  const live = await livePlace(place)
  const stage = new Stage(live)
  const gateway = await stage.boot()
  const session = await gateway.record(opening())
  for (let n = 1; n <= 3; n++) {
    await session.append(change(n, `update public.orders set note = 'n${n}'`))
    await session.append(done(n))
    await stage.time.pass(n === 1 ? 5_000 : n === 2 ? 1_000 : 10)
  }
  await keepAsIs(live, place)
  await session.close('shutdown')
  await gateway.close()
  await removeLive(live)
}

/** The same, put back to how it was after the anchor had more of it. */
export async function makeRolledBack(place: Place): Promise<void> {
  const stage = new Stage({ ...place, dir: `${place.dir}.live` })
  const gateway = await stage.boot()
  const session = await gateway.record(opening())
  await session.append(change(1, 'update public.orders set note = null'))
  await session.append(done(1))
  await stage.time.pass(5_000)
  await cp(stage.place.dir, place.dir, { recursive: true })
  await session.append(change(2, 'delete from public.orders'))
  await session.append(done(2))
  await session.close('shutdown')
  await stage.time.pass(10)
  await gateway.close()
  await rm(stage.place.dir, { recursive: true })
}

/** Where a boot goes on after what is kept of it. */
async function livePlace(place: Place): Promise<Place> {
  const live = { dir: `${place.dir}.live`, anchor: `${place.anchor}.live` }
  await mkdir(live.anchor)
  return live
}

async function keepAsIs(live: Place, place: Place): Promise<void> {
  await cp(live.dir, place.dir, { recursive: true })
  await cp(live.anchor, place.anchor, { recursive: true })
}

async function removeLive(live: Place): Promise<void> {
  await rm(live.dir, { recursive: true })
  await rm(live.anchor, { recursive: true })
}

/** A boot that died: one recording with bytes that are no frame, and entries in a tail; the next boot ended it. */
export async function makeRecovered(place: Place): Promise<void> {
  const live = await livePlace(place)
  const stage = new Stage(live)
  const first = await stage.boot()
  const closed = await first.record(opening())
  await closed.append(change(1, 'update public.orders set note = null'))
  await closed.append(done(1))
  await closed.close('client-left')
  const session = await first.record(opening({ session: 's-2' }))
  await session.append(change(1, 'delete from public.orders where id = 1'))
  await session.append(done(1))
  await stage.time.pass(5_000)
  await session.append(intent(2, 'select count(*) from public.orders'))
  await stage.time.pass(10)
  await keepAsIs(live, place)
  await session.close('shutdown')
  await first.close()
  await removeLive(live)
  await endLike(place.dir, first.boot)
  const next = new Stage(place)
  await next.time.pass(60_000)
  // Other ids than the first gateway's.
  for (let n = 0; n < 10; n++) next.nextId()
  const second = await next.boot()
  await next.time.pass(5_000)
  const after = await second.record(opening({ session: 's-3' }))
  await after.append(change(1, 'update public.orders set note = null'))
  await after.append(done(1))
  await after.close('idle')
  await next.time.pass(5_000)
  await second.close()
}

/** A recording that a rule removed, and one that somebody did; every kind of entry of a log. */
export async function makeRetired(place: Place): Promise<void> {
  const stage = new Stage(place)
  const gateway = await stage.boot()
  const removed: string[] = []
  for (const name of ['s-1', 's-2', 's-3']) {
    const session = await gateway.record(opening({ session: name }))
    await session.append(change(1, 'update public.orders set note = null'))
    await session.append(done(1))
    await session.close('idle')
    removed.push(`0197a000-0000-7000-8000-${String(removed.length + 2).padStart(12, '0')}`)
  }
  const folder = join(place.dir, gateway.boot)
  const [byRule = '', bySomebody = '', kept = ''] = removed
  const digest = createHash('sha256')
    .update(await readFile(join(folder, `${byRule}.dbrec`)))
    .digest()
  const { recordings } = await readLogs(place.dir)
  const head = recordings.get(byRule)?.last ?? { frames: 0, chain: digest }
  await gateway.account({ kind: 'access', who: 'dana', action: 'replay', recording: byRule, detail: '--sql-only' })
  await gateway.account({ kind: 'shredded', recording: kept, who: 'dana', why: 'asked for' })
  await gateway.account({ kind: 'stored', recording: byRule, head, place: 's3:bucket/recordings', digest })
  await gateway.account({ kind: 'retired', recording: byRule, head, why: 'older than 90 days' })
  for (const gone of [byRule, bySomebody]) await rm(join(folder, `${gone}.dbrec`))
  await rm(join(folder, `${kept}.values`))
  await stage.time.pass(5_000)
  await gateway.close()
}

/** Makes a copy of a live boot's folder look as its death would have left it. */
async function endLike(dir: string, boot: string): Promise<void> {
  const folder = join(dir, boot)
  const lock = join(folder, 'lock')
  const [, , world] = (await readFile(lock, 'utf8')).split('\n')
  await writeFile(lock, `999999999\n1\n${world}\n`)
  const recordings = (await readdir(folder)).filter(name => name.endsWith('.dbrec')).sort()
  const last = recordings.at(-1) ?? ''
  await appendFile(join(folder, last), dataRow(Buffer.from('torn')))
}

/** All vectors, each under its name. */
export const VECTORS: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  whole: makeWhole,
  open: makeOpen,
  'rolled-back': makeRolledBack,
  retired: makeRetired,
  recovered: makeRecovered,
}

/** Makes all vectors in a folder. Locks name processes, and what is reserved is empty: both are left out. */
export async function makeVectors(folder: string): Promise<void> {
  for (const [name, make] of Object.entries(VECTORS)) {
    const place = { dir: join(folder, name, 'recordings'), anchor: join(folder, name, 'anchor') }
    await mkdir(place.dir, { recursive: true })
    await mkdir(place.anchor, { recursive: true })
    await make(place)
    for (const boot of await readdir(place.dir)) {
      for (const name of ['lock', 'reserve']) await rm(join(place.dir, boot, name), { force: true })
    }
  }
}
