import type { Cleared, MaskRow, Parameter, ResultColumn } from '@querywarden/policy-core'

/** A prepared statement: the client's name for it, ours upstream, and what was judged. */
export interface PreparedStatement {
  readonly name: string
  readonly upstreamName: string
  /** The client's statement, comments blanked: what is judged again at every Execute. */
  readonly text: string
  /** What was sent upstream for it. If a later judgement rewrites it otherwise, the statement is stale. */
  readonly sentText: string
  readonly parameterTypes: readonly number[]
  /** Nothing but white space and comments: PostgreSQL answers it with EmptyQueryResponse. */
  readonly isEmpty: boolean
  /** What the server says of it may hold what a mask hides. */
  readonly withheld: boolean
  /** How the server last described a portal of it. */
  described: Described | null
  /** What the result side last made of that. */
  revealed: Revealed | null
}

/** A RowDescription, as it came and as it was read. */
export interface Described {
  readonly bytes: Uint8Array
  readonly columns: readonly ResultColumn[]
}

/** The result-side masks of a statement, and all that they were made from. */
export interface Revealed extends Pick<Cleared, 'facts' | 'obligations'> {
  readonly columns: readonly ResultColumn[]
  readonly mask: MaskRow | null
}

/** A portal, from Bind to the end of its transaction. Limits count over all of its Executes. */
export interface Portal {
  readonly name: string
  readonly upstreamName: string
  readonly statement: PreparedStatement
  readonly parameters: readonly Parameter[]
  /** Set when it is bound; a suspended portal goes on under the same clearance. Null again if it was not run. */
  cleared: Cleared | null
  /** An Execute of it was sent, so the recording hears what became of it. */
  isExecuted: boolean
  /** Set by the answer to a Describe, whoever asked for it. */
  columns: readonly ResultColumn[] | null
  mask: MaskRow | null
  rows: number
  bytes: number
}

/**
 * The names of one session. The client's names never go upstream, so SQL text can't reach a protocol object nor the
 * other way round (threats P4). A name counts only once the server has confirmed it.
 */
export class Names {
  readonly #onPortalGone: (portal: Portal) => void
  readonly #statements = new Map<string, PreparedStatement>()
  readonly #portals = new Map<string, Portal>()
  #made = 0
  #heldBytes = 0

  /** @param onPortalGone - Told of each portal as it goes, however it goes. */
  constructor(onPortalGone: (portal: Portal) => void) {
    this.#onPortalGone = onPortalGone
  }

  /** Roughly what texts and parameters of this session's objects take. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  statement(name: string): PreparedStatement | undefined {
    return this.#statements.get(name)
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name)
  }

  /** A name for upstream that no earlier object had. The unnamed object keeps having no name. */
  upstreamNameFor(name: string): string {
    return name === '' ? '' : `qw_${++this.#made}`
  }

  addStatement(statement: PreparedStatement): void {
    this.removeStatement(statement.name)
    this.#statements.set(statement.name, statement)
    this.#heldBytes += bytesOfStatement(statement)
  }

  addPortal(portal: Portal): void {
    this.removePortal(portal.name)
    this.#portals.set(portal.name, portal)
    this.#heldBytes += bytesOfPortal(portal)
  }

  removeStatement(name: string): void {
    const known = this.#statements.get(name)
    if (known === undefined) return
    this.#statements.delete(name)
    this.#heldBytes -= bytesOfStatement(known)
  }

  removePortal(name: string): void {
    const known = this.#portals.get(name)
    if (known === undefined) return
    this.#portals.delete(name)
    this.#heldBytes -= bytesOfPortal(known)
    this.#onPortalGone(known)
  }

  /** A transaction's end takes every portal with it. */
  endTransaction(): void {
    for (const name of this.#portals.keys()) this.removePortal(name)
  }

  get statementsCount(): number {
    return this.#statements.size
  }
}

/** An object by itself, its maps and closures. */
const OBJECT_BYTES = 512

const bytesOfStatement = ({ text, sentText }: PreparedStatement): number =>
  OBJECT_BYTES + 2 * (text.length + sentText.length)

const bytesOfPortal = ({ parameters }: Portal): number =>
  parameters.reduce((sum, { value }) => sum + (value?.length ?? 0), OBJECT_BYTES)
