/** A stretch of the text, in UTF-8 bytes, and what comes in its place. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * Makes all edits at once; null where two of them overlap, or one is outside. All other bytes stay as they are. The same
 * edit may come twice: the tree of `SET (a, b) = (SELECT …)` has the query once for each column.
 */
export function applyEdits(text: string, edits: readonly Edit[]): string | null {
  const bytes = Buffer.from(text)
  const parts: Uint8Array[] = []
  let at = 0
  const distinct = new Map(edits.map(edit => [JSON.stringify(edit), edit]))
  for (const edit of [...distinct.values()].sort((a, b) => a.start - b.start)) {
    if (edit.start < at || edit.end < edit.start || edit.end > bytes.length) return null
    parts.push(bytes.subarray(at, edit.start), Buffer.from(edit.text))
    at = edit.end
  }
  parts.push(bytes.subarray(at))
  return Buffer.concat(parts).toString()
}

/** What comes in the place of nodes of a tree, by the node's body: for a RangeVar the node with its type, else a new body. */
export type Replacements = ReadonlyMap<unknown, unknown>

/** The tree with some of its nodes replaced. Nothing of the original is changed. */
export function replaceNodes(tree: unknown, replacements: Replacements): unknown {
  if (replacements.has(tree)) return replacements.get(tree)
  if (Array.isArray(tree)) return tree.map(item => replaceNodes(item, replacements))
  if (typeof tree !== 'object' || tree === null) return tree
  if ('RangeVar' in tree && replacements.has(tree.RangeVar)) return replacements.get(tree.RangeVar)
  return Object.fromEntries(Object.entries(tree).map(([field, held]) => [field, replaceNodes(held, replacements)]))
}
