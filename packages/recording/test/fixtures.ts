import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import { afterAll } from 'vitest'
import { type FileRecorderOptions, fileRecorder } from '../src/index.ts'
import { opening, optionsFor, sampleEntries } from './writer-fixtures.ts'

export {
  change,
  done,
  intent,
  KEK,
  opening,
  optionsFor,
  refused,
  SAMPLE_FRAMES,
  sampleEntries,
} from './writer-fixtures.ts'

const made: string[] = []
afterAll(async () => {
  await Promise.all(made.splice(0).map(dir => rm(dir, { recursive: true, force: true })))
})

export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'recording-'))
  made.push(dir)
  return dir
}

/** Where a session was recorded. */
export interface Recorded {
  readonly folder: string
  readonly file: string
  readonly recording: string
  readonly boot: string
}

/** Records one whole session and closes everything. */
export async function recordSample(
  dir: string,
  more: Partial<FileRecorderOptions> = {},
  entries: readonly Entry[] = sampleEntries,
): Promise<Recorded> {
  const recorder = await fileRecorder(optionsFor(dir, more))
  const session = await recorder.record(opening())
  for (const entry of entries) await session.append(entry)
  await session.close('client-terminated')
  await recorder.close()
  const folder = join(dir, recorder.boot)
  const name = (await readdir(folder)).find(file => file.endsWith('.dbrec')) ?? ''
  return { folder, file: join(folder, name), recording: name.replace('.dbrec', ''), boot: recorder.boot }
}
