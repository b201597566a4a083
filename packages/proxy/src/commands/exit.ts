/** What a command ended with (design.md section 10): 0 ok, 1 a finding, 2 bad usage or configuration. */
export const EXIT = { ok: 0, finding: 1, misuse: 2 } as const

/** Ends a command with a message for its user. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exit: 1 | 2

  constructor(exit: 1 | 2, message: string) {
    super(message)
    this.exit = exit
  }
}
