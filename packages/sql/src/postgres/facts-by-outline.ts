import { type Facts, type Place, REMEMBERED_BYTES_EACH, weightOf } from '@querywarden/policy-core'
import { boundedCache } from './cache.ts'
import { canonicalText } from './canonical.ts'
import type { LiteralSpan, Outline } from './outline.ts'

type Understood = Extract<Facts, { kind: 'understood' }>

/** The facts of one statement, good for all of its outline. */
interface Template {
  readonly major: number
  readonly context: string
  readonly facts: Understood
  readonly literals: readonly LiteralSpan[]
  /** The same outline under other catalogs. */
  readonly others: Template | null
}

/** Of one outline. */
const CONTEXTS_MAX = 4

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

/** Makes a memory of at most so many outlines. Looked up by outline first, so that no key need be written for each look. */
export function outlineMemory(entriesMax: number): OutlineMemory {
  const outlines = boundedCache<Template>(entriesMax, entriesMax * REMEMBERED_BYTES_EACH)
  const find = ({ key }: Outline, isMeant: (template: Template) => boolean): Template | null => {
    for (let known = outlines.get(key) ?? null; known !== null; known = known.others) if (isMeant(known)) return known
    return null
  }
  return {
    get: (context, outline) => {
      const template = find(outline, known => known.context === context)
      return template === null ? null : factsFor(template, outline)
    },
    set: (major, context, outline, facts) => {
      const others = first(outlines.get(outline.key) ?? null, context, CONTEXTS_MAX - 1)
      let weight = outline.key.length + weightOf(facts)
      for (let other = others; other !== null; other = other.others) weight += weightOf(other.facts)
      outlines.set(outline.key, { major, context, facts, literals: outline.literals, others }, weight)
    },
    isOneStatement: (major, outline) => find(outline, known => known.major === major) !== null,
  }
}

/** The first few of a list, without those of a context. */
function first(known: Template | null, context: string, count: number): Template | null {
  if (known === null || count === 0) return null
  if (known.context === context) return first(known.others, context, count)
  return { ...known, others: first(known.others, context, count - 1) }
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
