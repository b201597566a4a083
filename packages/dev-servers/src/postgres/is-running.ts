/** Whether a process of this id is there and hasn't ended: signal 0 only asks. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
