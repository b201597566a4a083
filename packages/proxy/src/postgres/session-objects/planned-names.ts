import { type Names, nameKey } from '../names.ts'
import type { Portal } from '../portal.ts'
import type { PreparedStatement } from '../prepared-statement.ts'

/** The names that a session will have by the time that the server comes to what is being planned. */
export class PlannedNames {
  readonly #names: Names
  readonly #statements = new Map<string, PreparedStatement | null>()
  readonly #portals = new Map<string, Portal | null>()
  #hasDeallocatedAll = false
  #hasClosedAll = false

  constructor(names: Names) {
    this.#names = names
  }

  /** How many statements there may be: none that were dropped are left out. */
  get statementsCount(): number {
    return this.#names.statementsCount + this.#statements.size
  }

  get heldBytes(): number {
    return this.#names.heldBytes
  }

  statement(name: string): PreparedStatement | undefined {
    const planned = this.#statements.get(nameKey(name))
    if (planned !== undefined) return planned ?? undefined
    return this.#hasDeallocatedAll && name !== '' ? undefined : this.#names.statement(name)
  }

  portal(name: string): Portal | undefined {
    const planned = this.#portals.get(nameKey(name))
    if (planned !== undefined) return planned ?? undefined
    return this.#hasClosedAll ? undefined : this.#names.portal(name)
  }

  upstreamNameFor(name: string): string {
    return this.#names.upstreamNameFor(name)
  }

  addStatement(statement: PreparedStatement): void {
    this.#statements.set(nameKey(statement.name), statement)
  }

  addPortal(portal: Portal): void {
    this.#portals.set(nameKey(portal.name), portal)
  }

  removeStatement(name: string): void {
    this.#statements.set(nameKey(name), null)
  }

  removePortal(name: string): void {
    this.#portals.set(nameKey(name), null)
  }

  removeAllStatements(): void {
    for (const name of this.#statements.keys()) if (name !== '') this.#statements.delete(name)
    this.#hasDeallocatedAll = true
  }

  removeAllPortals(): void {
    this.#portals.clear()
    this.#hasClosedAll = true
  }
}
