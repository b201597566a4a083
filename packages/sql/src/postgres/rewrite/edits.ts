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
  // What is put in before a stretch that is replaced comes first.
  for (const edit of [...distinct.values()].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < at || edit.end < edit.start || edit.end > bytes.length) return null
    parts.push(bytes.subarray(at, edit.start), Buffer.from(edit.text))
    at = edit.end
  }
  parts.push(bytes.subarray(at))
  return Buffer.concat(parts).toString()
}

/** What comes in the place of nodes of a tree. Keys are bodies of nodes, or nodes with their type; see {@link Wrap}. */
export type Replacements = ReadonlyMap<unknown, unknown>

/** Given a node in which all else was replaced, what comes in its place: one node, or in a list any number. */
export type Wrap = (held: unknown) => readonly unknown[]

/**
 * The tree with some of its nodes replaced. Nothing of the original is changed. What stands in FROM is replaced with its
 * type where its body is the key; other bodies by bodies.
 */
export function replaceNodes(tree: unknown, replacements: Replacements): unknown {
  const by = replacements.get(tree)
  if (isWrap(by)) return by(replaceInside(tree, replacements))[0]
  if (replacements.has(tree)) return by
  return replaceInside(tree, replacements)
}

const isWrap = (by: unknown): by is Wrap => typeof by === 'function'

function replaceInside(tree: unknown, replacements: Replacements): unknown {
  if (Array.isArray(tree))
    return tree.flatMap(item => {
      const by = replacements.get(item)
      return isWrap(by) ? by(replaceInside(item, replacements)) : [replaceNodes(item, replacements)]
    })
  if (typeof tree !== 'object' || tree === null) return tree
  if ('RangeVar' in tree && replacements.has(tree.RangeVar)) return replacements.get(tree.RangeVar)
  if ('RangeTableSample' in tree && replacements.has(tree.RangeTableSample))
    return replacements.get(tree.RangeTableSample)
  return Object.fromEntries(Object.entries(tree).map(([field, held]) => [field, replaceNodes(held, replacements)]))
}
