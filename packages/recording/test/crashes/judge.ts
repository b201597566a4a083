import {
  type AnchorSource,
  type FileRecorder,
  type FileSystem,
  listRecordings,
  localKeys,
  readRecording,
  type Verdict,
  verifyDirectory,
} from '../../src/index.ts'
import { KEK } from '../writer-fixtures.ts'
import { keyOf, type Played } from './sessions.ts'
import type { CrashKind, SimulatedDisk } from './simulated-disk.ts'
import type { Chance, VirtualTime } from './virtual-time.ts'

/** One process that crashed, and the sessions that it recorded. */
export interface Life {
  readonly sessions: Played[]
  readonly crashedAt: number
  readonly kind: CrashKind
  readonly syncMsMax: number
  /** Whether its disk failed. */
  readonly hadFault: boolean
  /** Whether it had started and its disk let it: all that was found of earlier lives is sealed then. */
  readonly isRecovered: boolean
}

export interface World {
  readonly dir: string
  readonly disk: SimulatedDisk
  readonly time: VirtualTime
  readonly chance: Chance
  readonly durability: 'standard' | 'strict'
  /** What an anchor keeps; null where nothing is signed. */
  readonly kept: { readonly boot: string; readonly note: string }[] | null
  readonly lives: Life[]
  readonly faults: string[]
  readonly settle: <T>(promise: Promise<T>) => Promise<T>
}

const KEYS = localKeys(KEK, count => Buffer.alloc(count))
const AFTER_CRASH: ReadonlySet<Verdict['kind']> = new Set(['COMPLETE', 'OPEN', 'TORN', 'UNANCHORED'])

/** Starts twice after the last crash, and looks at what there is after each. */
export async function judge(world: World, open: (files: FileSystem) => Promise<FileRecorder>): Promise<void> {
  const { disk, settle, faults } = world
  Object.assign(disk.faults, { shortWrites: 0, syncFailsAt: null, writeFailsAt: null, capacity: null, syncMsMax: 1 })
  const files = disk.start(null)
  const isThere = await settle(
    files.readFolder(world.dir).then(
      () => true,
      () => false,
    ),
  )
  if (isThere) {
    const found = await settle(verifyDirectory(world.dir, { files, keys: KEYS }))
    for (const { recording, verdict } of found.recordings) {
      if (!AFTER_CRASH.has(verdict.kind)) faults.push(`before recovery ${recording}: ${JSON.stringify(verdict)}`)
    }
  }
  const first = await settle(open(files))
  const { left, missing } = first.recovery
  if (left.length > 0) faults.push(`left alone: ${JSON.stringify(left)}`)
  if (missing.length > 0) faults.push(`missed: ${missing.join()}`)
  await settle(first.close())
  await judgeVerdicts(world, files)
  await judgeAnchored(world, files)
  await judgeSessions(world, files)

  const before = await contents(world, files)
  const second = await settle(open(files))
  const { recovery } = second
  const changes = Object.values(recovery).flat()
  if (changes.length > 0) faults.push(`a second start did more: ${JSON.stringify(recovery)}`)
  await settle(second.close())
  const after = await contents(world, files)
  for (const [path, bytes] of before) {
    if (after.get(path)?.equals(bytes) !== true) faults.push(`a second start changed ${path}`)
  }
  await judgeVerdicts(world, files)
}

async function judgeVerdicts(world: World, files: FileSystem): Promise<void> {
  const { settle, faults, dir } = world
  for (const keys of [KEYS, null]) {
    const { recordings, logs } = await settle(verifyDirectory(dir, { files, keys }))
    const how = keys === null ? 'without the key' : 'with the key'
    for (const { boot, state } of logs) {
      if (state.kind === 'damaged') faults.push(`log of ${boot} ${how}: ${JSON.stringify(state)}`)
    }
    for (const { recording, verdict } of recordings) {
      const isFine = verdict.kind === 'COMPLETE' || (verdict.kind === 'TORN' && verdict.recovered !== null)
      if (!isFine) faults.push(`${recording} ${how}: ${JSON.stringify(verdict)}`)
    }
  }
}

/** With what is kept outside nothing is another than it was, or gone; the newest may not be kept yet. */
async function judgeAnchored({ settle, faults, dir, kept }: World, files: FileSystem): Promise<void> {
  if (kept === null) return
  const source: AnchorSource = {
    name: 'outside',
    async *checkpoints() {
      yield* kept
    },
  }
  const { recordings, logs, refused } = await settle(verifyDirectory(dir, { files, keys: KEYS, anchors: [source] }))
  if (refused !== null && refused.length > 0) faults.push(`refused by the verifier: ${JSON.stringify(refused)}`)
  for (const { boot, state, isRolledBack } of logs) {
    if (isRolledBack || state.kind === 'damaged') faults.push(`anchored log of ${boot}: ${JSON.stringify(state)}`)
  }
  for (const { recording, verdict } of recordings) {
    if (!['COMPLETE', 'TORN', 'UNANCHORED'].includes(verdict.kind)) {
      faults.push(`anchored ${recording}: ${JSON.stringify(verdict)}`)
    }
  }
}

async function judgeSessions(world: World, files: FileSystem): Promise<void> {
  const { settle, faults, dir, lives } = world
  const found = new Map<string, { readonly keys: string[]; readonly isClosed: boolean }>()
  for (const { file, header } of await settle(listRecordings(dir, files))) {
    if (file === null || header === null) continue
    const keys: string[] = []
    let last = ''
    const read = async (): Promise<void> => {
      for await (const event of readRecording(file, { kek: KEK, files })) {
        last = event.kind
        const key = keyOf(event)
        if (key !== null && (key !== keys.at(-1) || !key.startsWith('rows'))) keys.push(key)
      }
    }
    await settle(read())
    if (last !== 'closed' && last !== 'recovered') faults.push(`${header.session} ends in ${last}`)
    if (found.has(header.session)) faults.push(`${header.session} is there twice`)
    found.set(header.session, { keys, isClosed: last === 'closed' })
  }
  for (const [number, life] of lives.entries()) {
    for (const session of life.sessions) judgeSession(world, number, session, found.get(session.name) ?? null)
    for (const { name } of life.sessions) found.delete(name)
  }
  for (const name of found.keys()) faults.push(`${name} was never opened`)
}

function judgeSession(
  world: World,
  number: number,
  session: Played,
  found: { readonly keys: readonly string[]; readonly isClosed: boolean } | null,
): void {
  const { faults } = world
  const { name } = session
  if (found === null) {
    if (session.isOpened) faults.push(`${name} was opened, and is gone`)
    return
  }
  if (session.isClosed && !found.isClosed) faults.push(`${name} was closed, and isn't`)
  if (found.isClosed && !session.isClosing) faults.push(`${name} is closed, and never was`)
  let at = 0
  const kept = new Set<number>()
  for (const key of found.keys) {
    const next = session.given.findIndex((given, i) => i >= at && given.key === key)
    if (next < 0) {
      const isKnown = session.given.some(given => given.key === key)
      faults.push(`${name}: ${isKnown ? 'not in order' : 'never given'}: ${key} in ${found.keys.join(' | ')}`)
      return
    }
    kept.add(next)
    at = next + 1
  }
  const promised = lastPromised(world, number, session)
  for (const [i, given] of session.given.entries()) {
    if (i <= promised && !kept.has(i) && !given.isRefused) {
      faults.push(`${name}: lost: ${given.key} (${given.safety}, taken at ${given.takenAt}), of ${describe(session)}`)
    }
  }
}

const describe = (session: Played): string =>
  session.given.map(({ key, takenAt, safety }) => `${key.slice(0, 20)} ${safety} ${takenAt?.toFixed(1)}`).join(' | ')

/** The last of a session's entries that the crashes can not have taken. What came before it can't be gone either. */
function lastPromised({ lives, durability }: World, number: number, session: Played): number {
  const life = lives[number]
  if (life === undefined) return -1
  const isKernelGone = isPowerCutBeforeRecovery(lives, number)
  // The tail's window, the commit that was under way and its own; on a slow disk outcomes wait for their block.
  const windowMs = life.syncMsMax > 100 ? 1_500 + 4 * life.syncMsMax : 12 + 4 * life.syncMsMax
  return session.given.findLastIndex(({ safety, takenAt }) => {
    if (takenAt === null) return false
    if (safety === 'disk') return true
    // A disk that fails ends sessions, and may take what was not on it yet.
    if (life.hadFault) return false
    if (takenAt < life.crashedAt - windowMs) return true
    return safety === 'kernel' && durability === 'standard' && !isKernelGone
  })
}

/** Whether the machine went down before a later start had sealed what that life left. */
function isPowerCutBeforeRecovery(lives: readonly Life[], number: number): boolean {
  if (lives[number]?.kind === 'power') return true
  for (const later of lives.slice(number + 1)) {
    if (later.isRecovered) return false
    if (later.kind === 'power') return true
  }
  return false
}

async function contents(world: World, files: FileSystem): Promise<ReadonlyMap<string, Buffer>> {
  const { settle, dir } = world
  const all = new Map<string, Buffer>()
  for (const { name: boot } of await settle(files.readFolder(dir))) {
    for (const { name, isFolder } of await settle(files.readFolder(`${dir}/${boot}`))) {
      if (!isFolder) all.set(`${boot}/${name}`, await settle(files.readFile(`${dir}/${boot}/${name}`)))
    }
  }
  return all
}
