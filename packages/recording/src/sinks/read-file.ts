import { dirname } from 'node:path'
import { RecordingError } from '../errors.ts'
import type { RecordedEvent } from '../format/event.ts'
import { type KeyEncryption, localKeys } from '../format/keys.ts'
import { readEvents } from '../replay/read-recording.ts'
import { RECORDING_SUFFIX, VALUES_SUFFIX } from '../writer/recorder.ts'
import type { FileSystem } from './file-system.ts'
import { writeWholeAt } from './folder-storage.ts'
import { nodeFiles } from './node-files.ts'

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

const valuesFileOf = (file: string): string => {
  if (!file.endsWith(RECORDING_SUFFIX)) {
    throw new RecordingError('BAD_OPTIONS', `${file} isn't named like a recording; expected \`*${RECORDING_SUFFIX}\``)
  }
  return file.slice(0, -RECORDING_SUFFIX.length) + VALUES_SUFFIX
}

export interface ReadingOptions {
  readonly kek: Uint8Array | KeyEncryption
  /** `leave`: as if the key of its literals and values were gone. Absent: they are read where it is there. */
  readonly values?: 'read' | 'leave'
  readonly files?: FileSystem
}

/**
 * Reads the events of a recording's file, with literals and values while their key is still there.
 *
 * @throws RecordingError WRONG_KEY, FORGED, MALFORMED, BAD_OPTIONS.
 * @example
 * process.stdout.write(await renderReplay(readRecording(file, { kek })))
 */
export async function* readRecording(
  file: string,
  options: ReadingOptions,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { files = nodeFiles } = options
  const keys = options.kek instanceof Uint8Array ? localKeys(options.kek, noRandomness) : options.kek
  const wrappedValueKey = options.values === 'leave' ? null : await readValuesKey(file, files)
  yield* readEvents({ source: files.readPieces(file), keys, wrappedValueKey })
}

/** Reading wraps nothing. */
const noRandomness = (): Uint8Array => {
  throw new RecordingError('BAD_OPTIONS', 'this key was given for reading; it wraps nothing')
}

async function readValuesKey(file: string, files: FileSystem): Promise<Uint8Array | null> {
  try {
    return await files.readFile(valuesFileOf(file))
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/**
 * Destroys the key of a recording's literals and parameter values, for good: also those of backups of the recording,
 * if the key wasn't backed up with them. The recording still verifies and replays without them.
 *
 * @throws RecordingError BAD_OPTIONS when the file isn't named like a recording.
 * @example
 * await destroyValues('./recordings/…/….dbrec') // 'destroyed', or 'absent' if there was nothing left to destroy
 */
export async function destroyValues(file: string, files: FileSystem = nodeFiles): Promise<'destroyed' | 'absent'> {
  const values = valuesFileOf(file)
  try {
    const handle = await files.open(values, 'update')
    try {
      // Overwritten first, for file systems that write in place; elsewhere the key-encryption key still guards the rest.
      await writeWholeAt(handle, 0, new Uint8Array(await handle.size()))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await files.remove(values)
    await files.syncFolder(dirname(values))
    return 'destroyed'
  } catch (error) {
    if (isAbsent(error)) return 'absent'
    throw error
  }
}
