import { Session } from 'node:inspector'

/** A stretch of code: its function and offsets. */
export type Block = string

/** V8's own count of which blocks of a script ran. */
export interface Coverage {
  /** The blocks that ran since it was asked last. */
  readonly take: () => ReadonlySet<Block>
  readonly stop: () => void
}

/**
 * Starts counting.
 *
 * @param url the script's address
 * @param isWanted tells whether the code at an offset of it is of interest
 */
export function startCoverage(url: string, isWanted: (offset: number) => boolean): Coverage {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    take: () => {
      const ran = new Set<Block>()
      // The answer comes before the call returns: the session is of the same thread.
      session.post('Profiler.takePreciseCoverage', (_, { result }) => {
        for (const { functions } of result.filter(script => script.url === url)) {
          for (const { functionName, ranges } of functions) {
            for (const { count, startOffset, endOffset } of ranges) {
              if (count > 0 && isWanted(startOffset)) ran.add(`${functionName} ${startOffset}-${endOffset}`)
            }
          }
        }
      })
      return ran
    },
    stop: () => {
      session.post('Profiler.stopPreciseCoverage')
      session.disconnect()
    },
  }
}

/** Which offsets of a bundle are the codec's own: the bundler puts each file's name before its code. */
export function codecOffsets(bundle: string): (offset: number) => boolean {
  const marks = [...bundle.matchAll(/^\/\/ (\S+\.ts)$/gm)].map(({ index, 1: file }) => ({ index, file }))
  return offset => marks.findLast(({ index }) => index <= offset)?.file?.includes('/src/') ?? false
}
