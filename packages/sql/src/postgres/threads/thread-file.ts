/** What a reading thread runs: built beside this module. */
export const THREAD_FILE: URL = new URL('./reading-thread.js', import.meta.url)
