import type { TypedNode } from './node.ts'
import type { LiteralSpan } from './outline.ts'

/** Tells whether a classification has looked at what a literal says. */
export interface LiteralWatch {
  readonly isRead: () => boolean
}

/**
 * Watches the constants of a fresh parse tree. Null unless every literal is one constant of it: only then can another
 * value stand in its place without another tree.
 */
export function watchLiterals(statement: TypedNode, literals: readonly LiteralSpan[]): LiteralWatch | null {
  const open = new Set(literals.map(({ start }) => start))
  let isRead = false
  const onRead = (): void => {
    isRead = true
  }
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, held] of Object.entries(value)) {
      if (name !== 'A_Const') visit(held)
      else if (typeof held === 'object' && held !== null) {
        if ('location' in held && typeof held.location === 'number') open.delete(held.location)
        watch(held, onRead)
      }
    }
  }
  visit(statement.body)
  return open.size === 0 ? { isRead: () => isRead } : null
}

/** Puts an accessor in place of each field that holds the constant's value. */
function watch(constant: object, onRead: () => void): void {
  for (const [name, value] of Object.entries(constant)) {
    if (name === 'location') continue
    Object.defineProperty(constant, name, {
      enumerable: true,
      // A tree that is classified under two catalogs is watched twice.
      configurable: true,
      get: () => {
        onRead()
        return value
      },
    })
  }
}
