/** A portal may go on after its first outcome: of so many statements it is known that they may hold a secret. */
const REMEMBERED_MAX = 1_024

/** Which statements of a session may hold a secret. What a server says of them, and the rows they give, may hold it too. */
export class SecretStatements {
  readonly #known = new Set<number>()
  readonly #running = new Set<number>()

  /** A cursor was made of one: what is fetched from any may hold it. */
  #hasCursor = false

  began({ statement, tag }: { readonly statement: number; readonly tag: string }, mayHoldSecret: boolean): void {
    if (mayHoldSecret && /^(declare|prepare)/i.test(tag)) this.#hasCursor = true
    if (!mayHoldSecret && !(this.#hasCursor && /^(fetch|execute)/i.test(tag))) return
    this.#known.add(statement)
    this.#running.add(statement)
    const [oldest] = this.#known
    if (this.#known.size > REMEMBERED_MAX && oldest !== undefined) this.#known.delete(oldest)
  }

  ended(statement: number): void {
    this.#running.delete(statement)
  }

  /** Whether something that was given with this statement may hold a secret; with none, whether one is running. */
  isNear(statement: number | null): boolean {
    return statement === null ? this.#running.size > 0 : this.#known.has(statement)
  }
}
