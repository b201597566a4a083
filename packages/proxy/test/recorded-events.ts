import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RecordedEvent, readRecording } from '@querywarden/recording'
import { KEY_FILE, readRecordingKey } from '../src/open-recorder.ts'

/** All that a gateway has recorded, session by session. */
export async function recordedEvents(recordings: string): Promise<readonly RecordedEvent[]> {
  const kek = readRecordingKey(await readFile(join(recordings, KEY_FILE), 'utf8'))
  const found = await readdir(recordings, { recursive: true, withFileTypes: true })
  const events: RecordedEvent[] = []
  for (const { name, parentPath } of found.filter(file => file.name.endsWith('.dbrec')))
    for await (const event of readRecording(join(parentPath, name), { kek })) events.push(event)
  return events
}
