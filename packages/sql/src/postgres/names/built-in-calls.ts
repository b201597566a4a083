import { builtInEffect } from '../functions/classify-function.ts'
import { type Node, nameParts } from '../node.ts'
import type { Binder } from './binder.ts'

/** The name of a call where it is surely one of the server's own functions, else null. */
export function builtInName(binder: Binder, call: Node): string | null {
  const parts = nameParts(call, 'funcname')
  const name = parts.at(-1) ?? ''
  if (parts.length === 2) return parts[0] === 'pg_catalog' ? name : null
  return parts.length === 1 && !binder.catalog.userFunctions.has(name) ? name : null
}

/** Whether a call only computes on its arguments. */
export function isComputing(binder: Binder, call: Node): boolean {
  const name = builtInName(binder, call)
  return name !== null && builtInEffect(name) === null
}
