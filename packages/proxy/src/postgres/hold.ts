/** The time for which a batch is being decided. A client that cancels or leaves then withdraws what it asked. */
export class Hold {
  readonly #gone: AbortSignal
  #isCancelled = false
  #controller: AbortController | null = null

  /** @param gone - Aborts when the client leaves. */
  constructor(gone: AbortSignal) {
    this.#gone = gone
  }

  get isCancelled(): boolean {
    return this.#isCancelled
  }

  /** Made when somebody asks for it: most batches wait for nobody, and signals are dear. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isCancelled) this.#controller.abort()
    return AbortSignal.any([this.#controller.signal, this.#gone])
  }

  cancel(): void {
    this.#isCancelled = true
    this.#controller?.abort()
  }
}
