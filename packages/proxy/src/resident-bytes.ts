let lastBytes = 0

/** The system tells by a file, which can't be opened once the process has used up its descriptors: what it last was holds. */
export function residentBytes(): number {
  try {
    lastBytes = process.memoryUsage.rss()
  } catch {
    return lastBytes
  }
  return lastBytes
}
