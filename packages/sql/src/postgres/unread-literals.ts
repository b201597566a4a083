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
  const open = new Set<unknown>()
  for (const { start } of literals) open.add(start)
  let isRead = false
  // One for all constants. A tree that is classified under two catalogs is watched by two, one behind the other.
  const watcher: ProxyHandler<object> = {
    get: (constant, name) => {
      if (name !== 'location') isRead = true
      return Reflect.get(constant, name)
    },
  }
  const visit = (held: unknown): void => {
    if (Array.isArray(held)) for (const each of held) visit(each)
    else if (isOpenNode(held))
      for (const name in held) {
        const value = held[name]
        if (name !== 'A_Const' || !isOpenNode(value)) visit(value)
        else {
          open.delete(value['location'])
          held[name] = new Proxy(value, watcher)
        }
      }
  }
  visit(statement.body)
  return open.size === 0 ? { isRead: () => isRead } : null
}

/** A node of a tree that nobody else has seen yet. */
const isOpenNode = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
