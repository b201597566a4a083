import { join } from 'node:path'
import type { Clock, Recorder } from '@querywarden/policy-core'
import type { AnchorState } from '../anchoring/anchor.ts'
import { type CheckpointOptions, keepCheckpoints, logSigner } from '../anchoring/live-checkpoints.ts'
import type { RecordingError } from '../errors.ts'
import { type KeyEncryption, localKeys, type RandomBytes } from '../format/keys.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import { DiskWatch } from '../writer/disk-watch.ts'
import type { ParameterRecording } from '../writer/entry-bodies.ts'
import type { EntryTap } from '../writer/entry-tap.ts'
import { LOG_NAME, type LogEntry, openInstanceLog } from '../writer/instance-log.ts'
import { type LiveRecorder, recorder } from '../writer/recorder.ts'
import type { Durability } from '../writer/session-context.ts'
import type { Storage } from '../writer/storage.ts'
import { checkedIds, makeBootFolder, previousLogs } from './boot-folder.ts'
import { releaseLock, touchLock } from './boot-lock.ts'
import type { FileSystem } from './file-system.ts'
import { folderStorage } from './folder-storage.ts'
import { nodeFiles } from './node-files.ts'
import { type RecoveryReport, recoverDirectory } from './recover.ts'
import { RESERVE_BYTES, Reserve } from './reserve.ts'

/** How often live recordings' heads go in the instance log, and the lock is touched. */
const BEAT_MS = 1_000

export interface FileRecorderOptions {
  /** Holds a folder a boot; several processes may share it. Made if it isn't there. */
  readonly dir: string
  /** The key that wraps every recording's own keys: 32 bytes, or something that wraps elsewhere. */
  readonly kek: Uint8Array | KeyEncryption
  readonly durability: Durability
  readonly parameters: ParameterRecording
  /** The most bytes that one session may write. */
  readonly quotaBytes: number
  /** With less free space than this no session opens, and within a second no statement of open ones begins. */
  readonly freeBytesMin: number
  readonly clock: Clock
  /** Should not keep the process alive: it is called again and again until {@link FileRecorder.close}. */
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
  /** New unique ids of letters, digits and dashes that sort by time: UUIDv7. */
  readonly newId: () => string
  /** The deployment's name for this writer; kept in every header. */
  readonly instance: string
  /** Kept on the disk for when it is full, for the log and the ends of sessions. Absent: 1 MiB. */
  readonly reserveBytes?: number
  /** What keeps the files. Absent: the system's own file system. */
  readonly files?: FileSystem
  /** Is told what goes into every recording, as it goes in. Absent: nobody is, and it costs nothing. */
  readonly onEntry?: EntryTap
  /** Signs what the log is as it grows, and keeps it where this host can't change it. Absent: nothing is signed. */
  readonly checkpoints?: CheckpointOptions
  /** Wraps the storage, to put something between recorder and disk. */
  readonly storage?: (folder: Storage) => Storage
}

/** A recorder on the file system. */
export interface FileRecorder {
  readonly record: Recorder
  /** What the start found of earlier boots. */
  readonly recovery: RecoveryReport
  /** This run's id: the name of its folder. */
  readonly boot: string
  /** How long the disk has been at its oldest commit, in milliseconds; over 2000 nothing new is taken. */
  readonly lagMs: () => number
  /** How far the anchors are; empty where there are none. */
  readonly anchors: () => readonly AnchorState[]
  /** Looks again for dead boots, such as those that only time can tell from living ones. */
  readonly recover: () => Promise<RecoveryReport>
  /** Writes in this boot's log what is done to recordings beside; resolves when that is durable. */
  readonly account: (entry: LogEntry) => Promise<void>
  /** Ends the instance log. Close the sessions first: what is open then is left to the next start. */
  readonly close: () => Promise<void>
}

/**
 * Records sessions as files, after ending what earlier boots left open. Resolves when sessions can be recorded.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE, DISK_FULL, BAD_OPTIONS.
 * @example
 * const recordings = await fileRecorder({
 *   dir: './recordings',
 *   kek,
 *   durability: 'standard',
 *   parameters: 'digests',
 *   quotaBytes: 64 * 1024 * 1024,
 *   freeBytesMin: 256 * 1024 * 1024,
 *   clock,
 *   sleep: ms => setTimeout(ms, undefined, { ref: false }), // of node:timers/promises
 *   randomBytes,
 *   newId: uuidv7,
 *   instance: 'gateway-1',
 * })
 * const session = await recordings.record(opening)
 */
export async function fileRecorder(options: FileRecorderOptions): Promise<FileRecorder> {
  const { dir, clock, sleep, randomBytes, instance, files = nodeFiles } = options
  const keys = options.kek instanceof Uint8Array ? localKeys(options.kek, randomBytes) : options.kek
  const newId = checkedIds(options.newId)
  const boot = newId()
  const folder = join(dir, boot)
  await makeBootFolder(dir, files, folder)
  const reserve = new Reserve(folder, files, { bytes: options.reserveBytes ?? RESERVE_BYTES, randomBytes })
  await reserve.look(options.freeBytesMin)
  const storage = guarded((options.storage ?? (plain => plain))(folderStorage(folder, files)), reserve)
  const previous = await previousLogs(dir, files, { own: boot, now: clock.now(), keys })
  const watch = new DiskWatch(clock.monotonic)
  const { checkpoints } = options
  const signer = checkpoints === undefined ? {} : { signer: logSigner(checkpoints.signer, boot) }
  const parts = { storage, keys, clock, sleep, randomBytes, instance, boot, watch }
  const log = await openInstanceLog({ ...parts, previous, ...signer, orHeldUp: written => reserve.orHeldUp(written) })
  const recover = (): Promise<RecoveryReport> => recoverDirectory({ dir, files, boot, log, keys, clock })
  const recovery = await recover()
  const kept = checkpoints === undefined ? null : keepCheckpoints(checkpoints, { ...parts, log })
  const overdue = (): RecordingError | null => reserve.heldUp() ?? kept?.overdue() ?? null
  const live = recorder({ ...options, keys, newId, storage, log, boot, watch, overdue })
  const stop = keepBeating({ folder, files, live, clock, sleep, look: () => reserve.look(options.freeBytesMin) })
  return {
    record: live.record,
    recovery,
    boot,
    recover,
    lagMs: live.lagMs,
    account: log.append,
    anchors: () => kept?.states() ?? [],
    close: async () => {
      stop()
      await reserve.end()
      await live.close()
      await live.logHeads()
      try {
        await log.close()
      } finally {
        await kept?.close()
      }
      if (!live.hasOpen()) await releaseLock(folder, files)
    },
  }
}

/** Files that take the reserve where the disk is full; the log waits where that is not enough. */
const guarded = (storage: Storage, reserve: Reserve): Storage => ({
  ...storage,
  create: async (name, bytes) => {
    const file = await storage.create(name, bytes)
    return name === LOG_NAME ? reserve.guardLog(file) : reserve.guard(file)
  },
})

/** Once a second, until stopped. */
function keepBeating(beat: {
  readonly folder: string
  readonly files: FileSystem
  readonly live: LiveRecorder
  readonly clock: Clock
  readonly sleep: Sleep
  readonly look: () => Promise<void>
}): () => void {
  let stopped = false
  const run = async (): Promise<void> => {
    for (;;) {
      await beat.sleep(BEAT_MS)
      if (stopped) return
      // Neither may end the loop: a failed log shows on the next entry of any session, a lock that can't be touched
      // only matters to other machines.
      await beat.look()
      await beat.live.lookAtDisk()
      await beat.live.logHeads().catch(() => undefined)
      await touchLock(beat.folder, beat.files, beat.clock.now()).catch(() => undefined)
    }
  }
  void run()
  return () => {
    stopped = true
  }
}
