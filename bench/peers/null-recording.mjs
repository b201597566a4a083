// @querywarden/recording, but that what a session appends is dropped. Openings, keys and the instance log are as ever.
import { fileRecorder as realRecorder } from '@querywarden/recording'

// biome-ignore lint/performance/noReExportAll: all but one is as it was
export * from '@querywarden/recording'

const TAKEN = Promise.resolve()

export const fileRecorder = async options => {
  const recorder = await realRecorder(options)
  return { ...recorder, record: async () => ({ append: () => TAKEN, close: () => TAKEN }) }
}
