import type { FileSystem, OpenFile, OpenMode } from '../../src/index.ts'
import { DiskFile, type Filler, SECTOR_BYTES } from './disk-file.ts'
import { DiskFolder, type Node } from './disk-folder.ts'
import type { Chance, VirtualTime } from './virtual-time.ts'

/** What is done to a disk, as far as crashes go. */
export const OPERATIONS = [
  'create',
  'open',
  'read',
  'write',
  'writeNow',
  'sync',
  'syncData',
  'close',
  'rename',
  'remove',
  'truncate',
  'makeFolder',
  'syncFolder',
  'touch',
] as const
export type Operation = (typeof OPERATIONS)[number]

/** `kill`: the kernel goes on and keeps what it was given. `power`: only what was synced surely stays. */
export type CrashKind = 'kill' | 'power'
/** Before an operation had any effect, when it had some of it, and when it had all and nobody was told. */
export const MOMENTS = ['before', 'during', 'after'] as const
export type Moment = (typeof MOMENTS)[number]

/** At the n-th operation, of a kind or of any, from now on. */
export interface CrashPlan {
  readonly kind: CrashKind
  readonly operation: Operation | null
  readonly nth: number
  readonly moment: Moment
}

/** How a disk fails from now on. */
export interface Faults {
  /** This share of writes takes only a part of what it is given. */
  shortWrites: number
  /** The number of operations after which a sync, or a write, fails once, or null. */
  syncFailsAt: number | null
  writeFailsAt: number | null
  /** How much there is room for, or null. */
  capacity: number | null
  /** A sync takes up to so many milliseconds. */
  syncMsMax: number
  /** Whether one of them was met. */
  wasMet: boolean
}

const READ_BYTES = 65_536
const fault = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })
const nothing = (): void => undefined
const never = (): Promise<never> => new Promise(() => undefined)

/** Thrown by what must return at once on a machine that is no more. */
export class Crashed extends Error {}

/** One disk, which several processes use one after the other, each until it crashes. */
export class SimulatedDisk {
  readonly root: DiskFolder = new DiskFolder()
  readonly faults: Faults = {
    shortWrites: 0,
    syncFailsAt: null,
    writeFailsAt: null,
    capacity: null,
    syncMsMax: 1,
    wasMet: false,
  }
  readonly #chance: Chance
  readonly #time: VirtualTime
  readonly #underWay = new Set<Pending>()
  readonly #files = new Set<DiskFile>()
  #plan: (CrashPlan & { left: number }) | null = null
  #life = 0
  #isDown = true
  /** What the last crash hit, once there was one. */
  crashed: { readonly kind: CrashKind; readonly operation: Operation; readonly moment: Moment } | null = null
  operations = 0

  constructor(chance: Chance, time: VirtualTime) {
    this.#chance = chance
    this.#time = time
  }

  get isDown(): boolean {
    return this.#isDown
  }

  /** How many bytes all files have, as the kernel shows them. */
  get used(): number {
    const sizes = (folder: DiskFolder): number =>
      [...folder.names.values()].reduce<number>(
        (sum, node) => sum + (node instanceof DiskFolder ? sizes(node) : node.size),
        0,
      )
    return sizes(this.root)
  }

  /** A process begins, and crashes as planned, if it comes to that. */
  start(plan: CrashPlan | null): FileSystem {
    this.#life++
    this.#isDown = false
    this.crashed = null
    this.#plan = plan === null ? null : { ...plan, left: plan.nth }
    return this.#fileSystem(this.#life)
  }

  /** The process is gone now, whatever was planned. */
  stop(kind: CrashKind): void {
    if (!this.#isDown) this.#crash({ kind, operation: 'close', moment: 'after' })
  }

  #crash(at: NonNullable<SimulatedDisk['crashed']>): void {
    this.crashed = at
    this.#isDown = true
    // What was under way may have been done, or in part, or not at all.
    for (const pending of this.#underWay) this.#chance.pick([pending.all, pending.part, nothing])()
    this.#underWay.clear()
    this.#time.forget()
    const chance = this.#chance
    if (at.kind === 'kill') {
      for (const file of this.#files) file.killed(chance)
      return
    }
    const fillers: readonly [Filler, ...Filler[]] = ['zeros', 'noise', 'others']
    const old = [...this.#files].map(({ bytes }) => Buffer.from(bytes)).filter(({ length }) => length > 0)
    for (const file of this.#files) file.powerCut(chance, count => this.#filling(chance.pick(fillers), count, old))
    const cut = (folder: DiskFolder): void => {
      folder.powerCut(chance)
      for (const node of folder.names.values()) if (node instanceof DiskFolder) cut(node)
    }
    cut(this.root)
  }

  /** What stood where a file has grown to: nothing, anything, or what had been in other files. */
  #filling(filler: Filler, count: number, old: readonly Buffer[]): Buffer {
    const from = old[this.#chance.below(old.length)]
    if (filler === 'noise') return this.#chance.bytes(count)
    if (filler === 'zeros' || from === undefined) return Buffer.alloc(count)
    const filling = Buffer.alloc(count)
    for (let at = 0; at < count; at += SECTOR_BYTES) {
      const start = this.#chance.below(Math.ceil(from.length / SECTOR_BYTES)) * SECTOR_BYTES
      from.copy(filling, at, start, Math.min(from.length, start + SECTOR_BYTES))
    }
    return filling
  }

  /** Counts an operation; whether it is the one to crash at. */
  #meets(operation: Operation): Moment | null {
    this.operations++
    const plan = this.#plan
    if (plan === null || (plan.operation !== null && plan.operation !== operation) || --plan.left > 0) return null
    this.#plan = null
    this.#planned = plan
    return plan.moment
  }

  #planned: CrashPlan | null = null

  #crashAt(operation: Operation): void {
    const plan = this.#planned
    if (plan !== null) this.#crash({ kind: plan.kind, operation, moment: plan.moment })
  }

  async #do<T>(life: number, doing: Doing<T>): Promise<T> {
    if (this.#isGone(life)) return never()
    const { operation, part = nothing } = doing
    const moment = this.#meets(operation)
    if (moment === 'before') {
      this.#crashAt(operation)
      return never()
    }
    // So that a crash in between finds it half done.
    const pending: Pending = { all: () => void swallow(doing.all), part }
    this.#underWay.add(pending)
    const isOver = this.#time.sleep(this.#msOf(operation))
    await isOver
    if (this.#isGone(life)) return never()
    this.#underWay.delete(pending)
    if (moment === 'during') {
      part()
      this.#crashAt(operation)
      return never()
    }
    const done = doing.all()
    if (moment === 'after') {
      this.#crashAt(operation)
      return never()
    }
    return done
  }

  #isGone(life: number): boolean {
    return this.#isDown || life !== this.#life
  }

  #msOf(operation: Operation): number {
    if (operation === 'sync' || operation === 'syncData' || operation === 'syncFolder') {
      return this.#chance.next() ** 3 * this.faults.syncMsMax
    }
    return this.#chance.next() * 0.1
  }

  #fileSystem(life: number): FileSystem {
    const one = <T>(operation: Operation, all: () => T, part?: () => void): Promise<T> =>
      this.#do(life, part === undefined ? { operation, all } : { operation, all, part })
    return {
      open: (path, mode) => one(mode === 'create' ? 'create' : 'open', () => this.#open(path, mode, life)),
      readFile: path => one('read', () => Buffer.from(this.#file(path).bytes)),
      readPieces: path => this.#pieces(path, one),
      readFolder: path =>
        one('read', () =>
          [...this.#folder(path).names].map(([name, node]) => ({
            name,
            isFolder: node instanceof DiskFolder,
            isFile: !(node instanceof DiskFolder),
          })),
        ),
      makeFolder: path => one('makeFolder', () => this.#makeFolder(path)),
      rename: (from, to) => one('rename', () => this.#rename(from, to)),
      remove: path => one('remove', () => this.#remove(path)),
      truncate: (path, size) => one('truncate', () => this.#file(path).truncate(size)),
      syncFolder: path => this.#syncFolder(path, life),
      modifiedAt: path => one('read', () => this.#file(path).modifiedAt),
      touch: (path, at) =>
        one('touch', () => {
          this.#file(path).modifiedAt = at
        }),
      freeBytes: () => one('read', () => this.#room()),
      processMark: async pid => {
        const own = String(life)
        if (pid !== 'self' && pid !== own) return null
        return { pid: own, startedAt: own, world: 'simulated' }
      },
    }
  }

  async *#pieces(path: string, one: <T>(operation: Operation, all: () => T) => Promise<T>): AsyncGenerator<Buffer> {
    const bytes = await one('read', () => Buffer.from(this.#file(path).bytes))
    for (let at = 0; at < bytes.length; at += READ_BYTES) yield bytes.subarray(at, at + READ_BYTES)
  }

  #room(): number {
    return this.faults.capacity === null ? 2 ** 40 : Math.max(0, this.faults.capacity - this.used)
  }

  #openFile(file: DiskFile, path: string, life: number): OpenFile {
    const put = (bytes: Uint8Array, position = file.size): void => file.write(position, bytes)
    const write = (bytes: Uint8Array, position = file.size): number => {
      const { faults } = this
      if (faults.writeFailsAt !== null && this.operations >= faults.writeFailsAt) {
        faults.writeFailsAt = null
        faults.wasMet = true
        throw fault('EIO', path)
      }
      const room = this.#room()
      if (room === 0) {
        faults.wasMet = true
        throw fault('ENOSPC', path)
      }
      const isShort = this.#chance.of(faults.shortWrites)
      const most = isShort ? 1 + this.#chance.below(bytes.length) : bytes.length
      const taken = bytes.subarray(0, Math.min(most, room))
      put(taken, position)
      return taken.length
    }
    const sync = (operation: 'sync' | 'syncData') => {
      const { changes } = file
      return this.#do(life, {
        operation,
        all: () => {
          const { faults } = this
          if (faults.syncFailsAt !== null && this.operations >= faults.syncFailsAt) {
            faults.syncFailsAt = null
            faults.wasMet = true
            file.gaveUp(changes, this.#chance)
            throw fault('EIO', path)
          }
          file.synced(changes)
        },
      })
    }
    return {
      write: bytes => {
        const kept = Buffer.from(bytes)
        return this.#do(life, {
          operation: 'write',
          all: () => write(kept),
          part: () => put(kept.subarray(0, this.#chance.below(kept.length))),
        })
      },
      writeNow: bytes => {
        if (this.#isGone(life)) throw new Crashed('the machine is gone')
        const moment = this.#meets('writeNow')
        if (moment === null) return write(bytes)
        if (moment === 'during') put(bytes.subarray(0, this.#chance.below(bytes.length)))
        if (moment === 'after') write(bytes)
        this.#crashAt('writeNow')
        throw new Crashed('the machine is gone')
      },
      writeAt: (position, bytes) => {
        const kept = Buffer.from(bytes)
        return this.#do(life, {
          operation: 'write',
          all: () => write(kept, position),
          part: () => put(kept.subarray(0, this.#chance.below(kept.length)), position),
        })
      },
      read: (from, count) =>
        this.#do(life, { operation: 'read', all: () => Buffer.from(file.bytes.subarray(from, from + count)) }),
      size: () => this.#do(life, { operation: 'read', all: () => file.size }),
      sync: () => sync('sync'),
      syncData: () => sync('syncData'),
      close: () => this.#do(life, { operation: 'close', all: () => undefined }),
    }
  }

  #open(path: string, mode: OpenMode, life: number): OpenFile {
    if (mode !== 'create') return this.#openFile(this.#file(path), path, life)
    const { folder, name } = this.#place(path)
    if (folder.names.has(name)) throw fault('EEXIST', path)
    const file = new DiskFile()
    file.modifiedAt = this.#time.clock.now()
    this.#files.add(file)
    folder.add(name, file)
    return this.#openFile(file, path, life)
  }

  #makeFolder(path: string): void {
    const { folder, name } = this.#place(path)
    if (folder.names.has(name)) throw fault('EEXIST', path)
    folder.add(name, new DiskFolder())
  }

  #rename(from: string, to: string): void {
    const { folder, name } = this.#place(from)
    if (!folder.names.has(name)) throw fault('ENOENT', from)
    // Within one folder: recordings need no more.
    folder.rename(name, this.#place(to).name)
  }

  #remove(path: string): void {
    const { folder, name } = this.#place(path)
    if (!folder.names.has(name)) throw fault('ENOENT', path)
    folder.remove(name)
  }

  #syncFolder(path: string, life: number): Promise<void> {
    let changes: readonly unknown[] = []
    try {
      changes = this.#folder(path).changes
    } catch {
      // It isn't there: the operation says so.
    }
    return this.#do(life, { operation: 'syncFolder', all: () => this.#folder(path).synced(changes) })
  }

  #node(path: string): Node {
    let node: Node = this.root
    for (const name of path.split('/').filter(Boolean)) {
      const next: Node | undefined = node instanceof DiskFolder ? node.names.get(name) : undefined
      if (next === undefined) throw fault('ENOENT', path)
      node = next
    }
    return node
  }

  #file(path: string): DiskFile {
    const node = this.#node(path)
    if (node instanceof DiskFolder) throw fault('EISDIR', path)
    return node
  }

  #folder(path: string): DiskFolder {
    const node = this.#node(path)
    if (!(node instanceof DiskFolder)) throw fault('ENOTDIR', path)
    return node
  }

  #place(path: string): { readonly folder: DiskFolder; readonly name: string } {
    const at = path.lastIndexOf('/')
    return { folder: this.#folder(path.slice(0, at)), name: path.slice(at + 1) }
  }
}

interface Pending {
  readonly all: () => void
  readonly part: () => void
}

interface Doing<T> {
  readonly operation: Operation
  /** Does it; throws where it fails. */
  readonly all: () => T
  /** Does some of it. */
  readonly part?: () => void
}

function swallow(run: () => unknown): void {
  try {
    run()
  } catch {
    // It failed, and nobody is there to be told.
  }
}
