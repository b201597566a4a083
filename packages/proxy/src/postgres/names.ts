import type { Portal } from './portal.ts'
import type { PreparedStatement } from './prepared-statement.ts'

/** How a transaction ended. */
export type Outcome = 'committed' | 'rolled-back'

/**
 * The names of one session, for statements and portals of SQL and of the protocol alike. The client's names never go
 * upstream, so nothing is reached by a name but what this registry has under it (threats P4). A name counts only once
 * the server has confirmed it.
 */
export class Names {
  readonly #onPortalGone: (portal: Portal) => void
  readonly #statements = new Map<string, PreparedStatement>()
  readonly #portals = new Map<string, { readonly portal: Portal; readonly madeAt: number }>()
  readonly #savepoints: { readonly name: string; readonly madeAt: number }[] = []
  #made = 0
  #heldBytes = 0
  /** The server has reported an error since the transaction began. */
  #hasFailed = false

  /** @param onPortalGone - Told of each portal as it goes, however it goes. */
  constructor(onPortalGone: (portal: Portal) => void) {
    this.#onPortalGone = onPortalGone
  }

  /** Roughly what texts and parameters of this session's objects take. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get statementsCount(): number {
    return this.#statements.size
  }

  statement(name: string): PreparedStatement | undefined {
    return this.#statements.get(nameKey(name))
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(nameKey(name))?.portal
  }

  /** A name for upstream that no earlier object had. The unnamed object keeps having no name. */
  upstreamNameFor(name: string): string {
    return name === '' ? '' : `qw_${++this.#made}`
  }

  addStatement(statement: PreparedStatement): void {
    this.removeStatement(statement.name)
    this.#statements.set(nameKey(statement.name), statement)
    this.#heldBytes += bytesOfStatement(statement)
  }

  addPortal(portal: Portal): void {
    this.removePortal(portal.name)
    this.#portals.set(nameKey(portal.name), { portal, madeAt: ++this.#made })
    this.#heldBytes += bytesOfPortal(portal)
  }

  removeStatement(name: string): void {
    this.#dropStatement(nameKey(name))
  }

  removePortal(name: string): void {
    this.#dropPortal(nameKey(name))
  }

  /** DEALLOCATE ALL leaves the unnamed statement. */
  removeAllStatements(): void {
    for (const name of this.#statements.keys()) if (name !== '') this.#dropStatement(name)
  }

  removeAllPortals(): void {
    for (const key of this.#portals.keys()) this.#dropPortal(key)
  }

  addSavepoint(name: string): void {
    this.#savepoints.push({ name, madeAt: ++this.#made })
  }

  releaseSavepoint(name: string): void {
    const at = this.#savepoints.findLastIndex(savepoint => savepoint.name === name)
    if (at >= 0) this.#savepoints.splice(at)
  }

  /** What was made since goes; where it isn't known since when, all that the transaction has made. */
  rollBackTo(name: string): void {
    const at = this.#savepoints.findLastIndex(savepoint => savepoint.name === name)
    const since = this.#savepoints[at]?.madeAt ?? 0
    this.#savepoints.splice(at + 1)
    for (const [key, { portal, madeAt }] of this.#portals)
      if (madeAt > since && portal.cursor?.isHeld !== true) this.#dropPortal(key)
  }

  /** The server has reported an error: if nothing else is said of it, the transaction comes to nothing. */
  fail(): void {
    this.#hasFailed = true
  }

  /** A transaction's end takes every portal with it, but for the cursors that it commits WITH HOLD. */
  endTransaction(outcome: Outcome): void {
    this.#hasFailed = false
    this.#savepoints.length = 0
    for (const [key, { portal }] of this.#portals) {
      const { cursor } = portal
      if (cursor?.isHold === true && outcome === 'committed') cursor.isHeld = true
      if (cursor?.isHeld !== true) this.#dropPortal(key)
    }
  }

  /** The server is idle, so a transaction that had no end of its own has ended: by an error, or else well. */
  settle(): void {
    this.endTransaction(this.#hasFailed ? 'rolled-back' : 'committed')
  }

  #dropStatement(key: string): void {
    const known = this.#statements.get(key)
    if (known === undefined) return
    this.#statements.delete(key)
    this.#heldBytes -= bytesOfStatement(known)
  }

  #dropPortal(key: string): void {
    const known = this.#portals.get(key)
    if (known === undefined) return
    this.#portals.delete(key)
    this.#heldBytes -= bytesOfPortal(known.portal)
    this.#onPortalGone(known.portal)
  }
}

/** NAMEDATALEN is 64, with the NUL. Of a longer name in a message the server looks at the first 63 bytes alone. */
const NAME_BYTES_MAX = 63

/** What a name is known by: names that the server can't tell apart are one. */
export function nameKey(name: string): string {
  if (name.length * 3 <= NAME_BYTES_MAX) return name
  const bytes = Buffer.from(name)
  // What is cut may end in the middle of a character. Any text does that tells the bytes apart and that no name is.
  return bytes.length <= NAME_BYTES_MAX ? name : bytes.subarray(0, NAME_BYTES_MAX).toString('latin1')
}

/** An object by itself, its maps and closures. */
const OBJECT_BYTES = 512

const bytesOfStatement = ({ text, sentText }: PreparedStatement): number =>
  OBJECT_BYTES + 2 * (text.length + sentText.length)

/** A portal keeps the statement that it was made of, which nothing else may hold by then. */
const bytesOfPortal = ({ parameters, statement }: Portal): number =>
  parameters.reduce((sum, { value }) => sum + (value?.length ?? 0), OBJECT_BYTES) + bytesOfStatement(statement)
