/** The gate's one error: what a caller who holds rows must not go on from. */
export class GateError extends Error {
  override readonly name = 'GateError'
  readonly code: 'RAW_COLUMN' | 'UNEXPECTED_ORIGIN' | 'CANARY'

  constructor(code: GateError['code'], message: string) {
    super(message)
    this.code = code
  }
}
