import { join } from 'node:path'
import { RECORDING_SUFFIX } from '../writer/recorder.ts'
import type { FileSystem } from './file-system.ts'
import { destroyValues } from './read-file.ts'

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/**
 * Removes a recording's file, and what recovery moved aside of it. To be called only when its RETIRED entry is durable. Where
 * it is gone already nothing is done.
 */
export async function removeRecording(
  folder: string,
  recording: string,
  { files, values }: { readonly files: FileSystem; readonly values: 'keep' | 'destroy' },
): Promise<void> {
  const file = join(folder, recording + RECORDING_SUFFIX)
  if (values === 'destroy') await destroyValues(file, files)
  const torn = (await files.readFolder(folder))
    .map(({ name }) => name)
    .filter(name => name.startsWith(`${recording}.`) && name.endsWith('.torn'))
  for (const path of [...torn.map(name => join(folder, name)), file]) {
    await files.remove(path).catch((error: unknown) => {
      if (!isAbsent(error)) throw error
    })
  }
  await files.syncFolder(folder)
}
