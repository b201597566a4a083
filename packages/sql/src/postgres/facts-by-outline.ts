import type { Facts, Place } from '@querywarden/policy-core'
import { boundedCache } from './cache.ts'
import { canonicalText } from './canonical.ts'
import type { LiteralSpan, Outline } from './outline.ts'

type Understood = Extract<Facts, { kind: 'understood' }>

/** The facts of one statement, good for all of its outline. */
interface Template {
  readonly facts: Understood
  readonly literals: readonly LiteralSpan[]
}

/**
 * Facts of statements that differ from one seen before only in what their literals say, and whose literals nothing has
 * looked at: an application that writes its values into its SQL is then read once, not at every statement.
 */
export interface OutlineMemory {
  readonly get: (context: string, outline: Outline) => Understood | null
  readonly set: (major: number, context: string, outline: Outline, facts: Understood) => void
  /** Whether a text of this outline has been parsed, as one statement. */
  readonly isOneStatement: (major: number, outline: Outline) => boolean
}

/** Makes a memory of at most so many outlines. */
export function outlineMemory(entriesMax: number): OutlineMemory {
  const templates = boundedCache<Template>(entriesMax)
  const statements = boundedCache<true>(entriesMax)
  return {
    get: (context, outline) => {
      const template = templates.get(context + outline.key)
      return template === undefined ? null : factsFor(template, outline)
    },
    set: (major, context, outline, facts) => {
      templates.set(context + outline.key, { facts, literals: outline.literals })
      statements.set(`${major} ${outline.key}`, true)
    },
    isOneStatement: (major, { key }) => statements.get(`${major} ${key}`) !== undefined,
  }
}

function factsFor({ facts, literals }: Template, outline: Outline): Understood {
  const canonical = canonicalText(outline.text, outline.tokens)
  const first = literals[0]?.start ?? Number.POSITIVE_INFINITY
  const isBefore = ({ place }: { readonly place: Place }): boolean => place.end <= first
  // Most of the time nothing that the facts point at is behind a literal. The same objects then stand for the same facts.
  const placed = [facts.uses, facts.mentions, facts.calls, facts.columns]
  if (placed.every(list => list.every(isBefore))) return { ...facts, canonical }
  const moved = mover(literals, outline.literals)
  return {
    ...facts,
    canonical,
    uses: facts.uses.map(use => ({ ...use, place: moved(use.place) })),
    mentions: facts.mentions.map(mention => ({ ...mention, place: moved(mention.place) })),
    columns: facts.columns.map(column => ({ ...column, place: moved(column.place) })),
    calls: facts.calls.map(call => ({ ...call, place: moved(call.place) })),
  }
}

/** Places of the one text in the other: what stands behind a literal has moved by as much as it has grown. */
function mover(before: readonly LiteralSpan[], after: readonly LiteralSpan[]): (place: Place) => Place {
  const at = (offset: number): number => {
    let by = 0
    for (const [i, literal] of before.entries()) {
      if (literal.end > offset) break
      by = (after[i]?.end ?? 0) - literal.end
    }
    return offset + by
  }
  return ({ start, end }) => ({ start: at(start), end: at(end) })
}
