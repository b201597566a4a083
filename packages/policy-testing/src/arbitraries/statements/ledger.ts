import {
  type Access,
  type CatalogRelation,
  type ColumnName,
  EFFECTS,
  type Effect,
  relationKey,
} from '@querywarden/policy-core'
import type { WithStatementBinding } from 'pgsql-ast-parser'
import type { Verb, WrittenColumn, WrittenStatement, WrittenUse } from './written-statement.ts'

/** A subquery or change that the statement names in its WITH. */
export interface Binding {
  readonly alias: { readonly name: string }
  readonly statement: WithStatementBinding
}

/** What is known of a statement while it is made. */
export interface Ledger {
  readonly touch: (relation: CatalogRelation, access: Access, effect: Effect) => void
  readonly does: (effect: Effect) => void
  readonly reads: (column: ColumnName) => void
  readonly assigns: (column: ColumnName) => void
  readonly isUnbounded: () => void
  /** A name that nothing of the statement has yet. */
  readonly fresh: (prefix: string) => string
  readonly bind: (binding: Binding) => void
  readonly bindings: () => Binding[]
  readonly written: (verb: Verb, text: string) => WrittenStatement
}

/** Starts the account of one statement. `taken` says which names it must not give out. */
export function openLedger(taken: (name: string) => boolean): Ledger {
  const uses = new Map<string, WrittenUse>()
  const columns = new Map<string, WrittenColumn>()
  const effects = new Set<Effect>()
  const bindings: Binding[] = []
  let given = 0
  let unbounded = false
  const note = (column: ColumnName, isRead: boolean): void => {
    const key = JSON.stringify([column.schema, column.name, column.column])
    const { schema, name } = column
    if (columns.get(key)?.isRead !== true) columns.set(key, { schema, name, column: column.column, isRead })
  }
  return {
    touch: (relation, access, effect) => {
      uses.set(`${access} ${relationKey(relation)}`, { relation, access })
      effects.add(effect)
    },
    does: effect => effects.add(effect),
    reads: column => note(column, true),
    assigns: column => note(column, false),
    isUnbounded: () => {
      unbounded = true
    },
    fresh: prefix => {
      let name: string
      do name = `${prefix}${given++}`
      while (taken(name))
      return name
    },
    bind: binding => bindings.push(binding),
    bindings: () => bindings,
    written: (verb, text) => ({
      text,
      verb,
      // What only computes still reads.
      effects: EFFECTS.filter(effect => effects.has(effect) || (effects.size === 0 && effect === 'read')),
      relations: [...uses.values()],
      columns: [...columns.values()],
      isUnbounded: unbounded,
    }),
  }
}
