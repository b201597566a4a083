import { generateKeyPairSync } from 'node:crypto'
import {
  type Anchor,
  type FileRecorder,
  type FileRecorderOptions,
  type FileSystem,
  fileRecorder,
  keySigner,
  RecordingError,
} from '../../src/index.ts'
import { KEK } from '../writer-fixtures.ts'
import { judge, type World } from './judge.ts'
import { playSessions } from './sessions.ts'
import { type CrashKind, type CrashPlan, MOMENTS, type Moment, OPERATIONS, SimulatedDisk } from './simulated-disk.ts'
import { Chance, VirtualTime } from './virtual-time.ts'

/** Where a trial crashed, once for each time. */
export interface CrashPoint {
  readonly kind: CrashKind
  readonly operation: string
  readonly moment: Moment
  /** Whether sessions were recorded, or an earlier crash was being recovered from. */
  readonly during: 'recording' | 'recovery'
}

export interface Trial {
  readonly seed: number
  readonly crashes: readonly CrashPoint[]
  /** What is wrong, or nothing. */
  readonly faults: readonly string[]
}

const { privateKey } = generateKeyPairSync('ed25519')
const SIGNER = keySigner({
  name: 'simulated.example.com',
  pem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
})

/** In half of the trials checkpoints are signed, and kept where no crash of this machine reaches. */
function checkpointsOf({ kept }: World): Pick<FileRecorderOptions, 'checkpoints'> {
  if (kept === null) return {}
  const anchor: Anchor = {
    name: 'outside',
    keep: async ({ boot, note }) => {
      kept.push({ boot, note })
    },
  }
  return { checkpoints: { signer: SIGNER, anchors: [anchor], everyMs: 300, graceMs: 900_000 } }
}

/** More virtual time than anything here takes: what isn't done by then hangs. */
const LONG_MS = 120_000

/** Records sessions on a disk that crashes now and then, starts again, and looks whether all promises were kept. */
export async function runTrial(seed: number): Promise<Trial> {
  const chance = new Chance(seed)
  const time = new VirtualTime()
  const disk = new SimulatedDisk(chance, time)
  const world: World = {
    dir: '/var/recordings',
    disk,
    time,
    chance,
    durability: chance.of(0.3) ? 'strict' : 'standard',
    kept: chance.of(0.5) ? [] : null,
    lives: [],
    faults: [],
    settle: promise => settle(promise, time),
  }
  let boots = 0
  const open = (files: FileSystem): Promise<FileRecorder> => {
    let ids = 0
    const life = String(boots++).padStart(4, '0')
    return fileRecorder({
      dir: world.dir,
      files,
      kek: KEK,
      durability: world.durability,
      parameters: 'digests',
      quotaBytes: seed % 11 === 0 ? 20_000 : 10_000_000,
      freeBytesMin: 0,
      reserveBytes: seed % 3 === 0 ? 0 : 4_096,
      clock: time.clock,
      sleep: time.sleep,
      randomBytes: count => chance.bytes(count),
      newId: () => `${life}-${String(ids++).padStart(4, '0')}`,
      instance: 'simulated',
      ...checkpointsOf(world),
    })
  }
  const crashes: CrashPoint[] = []
  try {
    const lives = 1 + chance.below(3)
    for (let life = 0; life < lives; life++) crashes.push(await live(world, open, life))
    await judge(world, open)
  } catch (error) {
    world.faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return { seed, crashes, faults: world.faults }
}

/** One process, from its start to its crash. */
async function live(
  world: World,
  open: (files: FileSystem) => Promise<FileRecorder>,
  number: number,
): Promise<CrashPoint> {
  const { disk, time, chance, durability } = world
  const plan = planOf(chance)
  setFaults(world)
  const started: { recorder: FileRecorder | null } = { recorder: null }
  const isOver = (): boolean => disk.isDown
  const life = {
    sessions: [],
    crashedAt: 0,
    kind: plan.kind,
    syncMsMax: disk.faults.syncMsMax,
    hadFault: false,
    isRecovered: false,
  }
  const playing = (async () => {
    started.recorder = await open(disk.start(plan))
    await playSessions(started.recorder, number, { chance, time, durability, isOver, sessions: life.sessions })
    if (chance.of(0.3)) await started.recorder.close()
  })()
  let failure: unknown = null
  let isDone = false
  playing.then(
    () => {
      isDone = true
    },
    (error: unknown) => {
      isDone = true
      if (!isOver() && !(error instanceof RecordingError)) failure = error
    },
  )
  await time.until(() => isDone || isOver(), LONG_MS)
  if (failure !== null) throw failure
  if (!isDone && !isOver()) throw new Error(`life ${number} hangs`)
  const hadFault = disk.faults.wasMet
  disk.stop(plan.kind)
  const { kind, operation, moment } = disk.crashed ?? { kind: plan.kind, operation: 'close', moment: 'after' }
  world.lives.push({
    ...life,
    crashedAt: time.ms,
    kind,
    hadFault,
    isRecovered: started.recorder?.recovery.left.length === 0,
  })
  return { kind, operation, moment, during: started.recorder === null ? 'recovery' : 'recording' }
}

function planOf(chance: Chance): CrashPlan {
  const kind = chance.of(0.6) ? 'power' : 'kill'
  const moment = chance.pick(MOMENTS)
  if (chance.of(0.5)) return { kind, moment, operation: null, nth: 1 + chance.below(chance.of(0.3) ? 60 : 400) }
  return { kind, moment, operation: chance.pick(OPERATIONS), nth: 1 + chance.below(chance.of(0.5) ? 4 : 60) }
}

function setFaults({ disk, chance, time }: World): void {
  const { faults } = disk
  faults.shortWrites = chance.of(0.2) ? 0.3 : 0
  faults.syncMsMax = chance.pick([0.5, 1, 1, 5, 40, 400])
  faults.syncFailsAt = chance.of(0.06) ? disk.operations + chance.below(200) : null
  faults.writeFailsAt = chance.of(0.06) ? disk.operations + chance.below(200) : null
  faults.capacity = chance.of(0.08) ? disk.used + chance.below(30_000) : null
  // Somebody frees space before long, or nobody does.
  if (faults.capacity !== null && chance.of(0.6)) {
    time.after(chance.below(3_000), () => {
      faults.capacity = null
    })
  }
  faults.wasMet = false
}

/** Lets time go on until a promise is settled. */
export async function settle<T>(promise: Promise<T>, time: VirtualTime): Promise<T> {
  let isSettled = false
  const seen = promise.finally(() => {
    isSettled = true
  })
  seen.catch(() => undefined)
  await time.until(() => isSettled, LONG_MS)
  if (!isSettled) throw new Error('what should end hangs')
  return seen
}
