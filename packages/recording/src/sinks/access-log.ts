import { join } from 'node:path'
import type { Clock } from '@querywarden/policy-core'
import { type KeyEncryption, localKeys, type RandomBytes } from '../format/keys.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import { type LogEntry, openInstanceLog } from '../writer/instance-log.ts'
import { checkedIds, makeBootFolder, previousLogs } from './boot-folder.ts'
import { releaseLock } from './boot-lock.ts'
import { bootFolders, readLog } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { folderStorage } from './folder-storage.ts'
import { nodeFiles } from './node-files.ts'

/** That somebody looked into recordings, took something out of them, or destroyed values of one. */
export type Access = Extract<LogEntry, { readonly kind: 'access' | 'shredded' }>

export interface AccessLogOptions {
  /** The recordings directory. It must be there: who reads makes none. */
  readonly dir: string
  readonly kek: Uint8Array | KeyEncryption
  readonly clock: Clock
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
  /** New unique ids of letters, digits and dashes that sort by time: UUIDv7. */
  readonly newId: () => string
  /** The name of the host or deployment that reads; kept in the log's header. */
  readonly instance: string
  readonly files?: FileSystem
}

/** Where it is written down who looks into recordings. */
export interface AccessLog {
  /** The name of its folder. */
  readonly boot: string
  /** Resolves when it is on the disk. Read only after that. */
  readonly note: (access: Access) => Promise<void>
  readonly close: () => Promise<void>
}

/**
 * Begins an instance log for a command that reads recordings: a boot of its own, which later ones tie in, so that taking it
 * away shows. Where it can't be written nothing may be read.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE, DISK_FULL, BAD_OPTIONS.
 * @example
 * const log = await openAccessLog({ dir: './recordings', kek, clock, sleep, randomBytes, newId: uuidv7, instance: 'desk-1' })
 * await log.note({ kind: 'access', who: 'dana@desk-1', action: 'replay', recording, detail: '' })
 */
export async function openAccessLog(options: AccessLogOptions): Promise<AccessLog> {
  const { dir, clock, sleep, randomBytes, instance, files = nodeFiles } = options
  const keys = options.kek instanceof Uint8Array ? localKeys(options.kek, randomBytes) : options.kek
  await bootFolders(dir, files)
  const boot = checkedIds(options.newId)()
  const folder = join(dir, boot)
  await makeBootFolder(dir, files, folder)
  const previous = await previousLogs(dir, files, { own: boot, now: clock.now(), keys })
  const storage = folderStorage(folder, files)
  const log = await openInstanceLog({ storage, keys, clock, sleep, randomBytes, instance, boot, previous })
  return {
    boot,
    note: log.append,
    close: async () => {
      await log.close()
      await releaseLock(folder, files)
    },
  }
}

/** An access, and when and in which log it was written down. */
export interface NotedAccess {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly boot: string
  readonly instance: string
  readonly access: Access
}

/**
 * Who looked into a directory's recordings, or destroyed values, oldest first. Needs no key.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE.
 * @example
 * for (const { at, access } of await listAccesses('./recordings')) console.log(new Date(at).toISOString(), access.who)
 */
export async function listAccesses(dir: string, files: FileSystem = nodeFiles): Promise<readonly NotedAccess[]> {
  const noted: NotedAccess[] = []
  for (const boot of await bootFolders(dir, files)) {
    const { header, entries } = await readLog(join(dir, boot), files)
    for (const { entry, at } of entries) {
      if (entry.kind !== 'access' && entry.kind !== 'shredded') continue
      noted.push({ at, boot, instance: header?.instance ?? '', access: entry })
    }
  }
  return noted.sort((a, b) => a.at - b.at)
}
