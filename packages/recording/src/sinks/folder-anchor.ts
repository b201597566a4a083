import { join } from 'node:path'
import type { Anchor, AnchorSource, SignedCheckpoint } from '../anchoring/anchor.ts'
import { parseCheckpoint, partsOfOrigin } from '../anchoring/checkpoint.ts'
import { CHECKPOINT_NAME } from '../anchoring/live-checkpoints.ts'
import { parseNote, parseVerifierKey } from '../anchoring/signed-note.ts'
import { RecordingError } from '../errors.ts'
import { systemCode } from '../writer/disk-failure.ts'
import { ID_PATTERN } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { writeWhole } from './folder-storage.ts'
import { nodeFiles } from './node-files.ts'

const SIZE_DIGITS = 20
const NAME_PATTERN = /^[0-9]{20}\.checkpoint$/

/** The name of a checkpoint where several of a boot are kept: sorts by size. */
export const checkpointFileName = (size: number): string => `${String(size).padStart(SIZE_DIGITS, '0')}.checkpoint`

/**
 * Keeps checkpoints in a folder: a mount that this host can add files to and not change them, such as one that is exported
 * append-only. The folder must be there: a mount that is not must not be taken for it.
 *
 * @example
 * folderAnchor('/mnt/anchor')
 */
export const folderAnchor = (folder: string, files: FileSystem = nodeFiles): Anchor => ({
  name: `folder ${folder}`,
  keep: async checkpoint => {
    try {
      await keepIn(folder, files, checkpoint)
    } catch (cause) {
      if (cause instanceof RecordingError) throw cause
      throw new RecordingError('ANCHOR_FAILED', `a checkpoint can't be written there (${systemCode(cause)})`, {
        cause,
      })
    }
  },
})

async function keepIn(folder: string, files: FileSystem, { boot, size, note }: SignedCheckpoint): Promise<void> {
  const ofBoot = join(folder, boot)
  await files.makeFolder(ofBoot).then(() => files.syncFolder(folder), unless('EEXIST'))
  const file = join(ofBoot, checkpointFileName(size))
  const bytes = Buffer.from(note)
  const made = await files.open(file, 'create').catch(unless('EEXIST'))
  const rest = made === undefined ? await missingPart(files, file, bytes) : bytes
  const handle = made ?? (await files.open(file, rest.length > 0 ? 'append' : 'read'))
  try {
    await writeWhole(handle, rest)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await files.syncFolder(ofBoot)
}

/** What a try that was cut short left out. Only the beginning of the same note is completed. */
async function missingPart(files: FileSystem, file: string, bytes: Buffer): Promise<Buffer> {
  const found = await files.readFile(file)
  if (bytes.subarray(0, found.length).equals(found)) return bytes.subarray(found.length)
  throw new RecordingError('ANCHOR_FAILED', `${file} holds another checkpoint of the same size: somebody else wrote it`)
}

const unless =
  (code: string) =>
  (error: unknown): undefined => {
    if (error instanceof Error && 'code' in error && error.code === code) return
    throw error
  }

/**
 * Reads what {@link folderAnchor} keeps, of each boot the newest first. All of it: a machine that is put back to an older state while its
 * gateway runs goes on under the same boot, and only the older checkpoints tell.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE while reading, when the folder can't be read.
 * @example
 * const { logs } = await readAnchors([folderAnchorSource('/mnt/anchor')], keys)
 */
export const folderAnchorSource = (folder: string, files: FileSystem = nodeFiles): AnchorSource => ({
  name: `folder ${folder}`,
  checkpoints: async function* () {
    const boots = (await namesIn(folder, files)).filter(name => ID_PATTERN.test(name))
    for (const boot of boots) {
      const names = (await namesIn(join(folder, boot), files)).filter(name => NAME_PATTERN.test(name))
      for (const name of names.reverse()) {
        yield { boot, note: (await files.readFile(join(folder, boot, name))).toString('utf8') }
      }
    }
  },
})

async function namesIn(folder: string, files: FileSystem): Promise<string[]> {
  try {
    return (await files.readFolder(folder)).map(({ name }) => name).sort()
  } catch (cause) {
    if (systemCode(cause) === 'ENOTDIR') return []
    throw new RecordingError(
      'DIRECTORY_UNUSABLE',
      `the anchor's folder ${folder} can't be read (${systemCode(cause)})`,
      {
        cause,
      },
    )
  }
}

/**
 * A checkpoint in a file, such as one that came by mail. It says itself of which boot it is.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE, MALFORMED while reading.
 * @example
 * const { logs } = await readAnchors([noteFileSource('./checkpoint.txt')], keys)
 */
export const noteFileSource = (file: string, files: FileSystem = nodeFiles): AnchorSource => ({
  name: `file ${file}`,
  checkpoints: async function* () {
    const note = await files.readFile(file).catch((cause: unknown) => {
      throw new RecordingError('DIRECTORY_UNUSABLE', `the checkpoint ${file} can't be read (${systemCode(cause)})`, {
        cause,
      })
    })
    const parts = partsOfOrigin(parseCheckpoint(parseNote(note).text).origin)
    if (parts === null) {
      throw new RecordingError(
        'MALFORMED',
        `the checkpoint ${file} is of no instance log; expected an origin \`<name>/<boot id>\``,
      )
    }
    yield { boot: parts.boot, note: note.toString('utf8') }
  },
})

/**
 * What witnesses cosigned, as it stands beside the logs of a recordings directory. The directory is not trusted: without a
 * cosignature by one of the keys nothing in it counts.
 *
 * @throws RecordingError BAD_OPTIONS when a key is no witness's; DIRECTORY_UNUSABLE while reading.
 * @example
 * const { logs } = await readAnchors([cosignedCheckpoints('./recordings', [witnessKey])], keys)
 */
export function cosignedCheckpoints(
  dir: string,
  witnessKeys: readonly string[],
  files: FileSystem = nodeFiles,
): AnchorSource {
  const cosigners = witnessKeys.map(parseVerifierKey)
  if (cosigners.some(({ kind }) => kind !== 'cosignature')) {
    throw new RecordingError(
      'BAD_OPTIONS',
      "a witness's key is of type 4 (Ed25519 cosignature); this is the key of a log",
    )
  }
  const names = cosigners.map(({ keyId }) => `${CHECKPOINT_NAME}.${keyId.toString(16).padStart(8, '0')}`)
  return {
    name: `witness ${cosigners.map(({ name }) => name).join(', ')}`,
    cosigners,
    checkpoints: async function* () {
      for (const boot of (await namesIn(dir, files)).filter(name => ID_PATTERN.test(name))) {
        const found = await namesIn(join(dir, boot), files)
        for (const name of names.filter(one => found.includes(one))) {
          yield { boot, note: (await files.readFile(join(dir, boot, name))).toString('utf8') }
        }
      }
    },
  }
}
