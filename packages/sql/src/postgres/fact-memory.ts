import {
  type Catalog,
  type Dialect,
  type Facts,
  isRememberable,
  REMEMBERED_BYTES_EACH,
  weightOf,
} from '@querywarden/policy-core'
import { boundedCache } from './cache.ts'

/** Facts of a text by what else they rest on: a text may be sent to several targets. */
interface Known {
  readonly context: string
  readonly facts: Facts
  readonly others: Known | null
}

/** Facts of longer texts are not remembered: there may be thousands of them, for as long as the process lives. */
const CHARS_MAX = 16_384
/** Of one text. */
const CONTEXTS_MAX = 4

/** Facts that were found before. Looked up by text first, so that no key need be written for each look. */
export class FactMemory {
  readonly #texts
  #fingerprint = ''
  #major = 0
  #dialect: Dialect | null = null
  #context = ''

  constructor(entriesMax: number) {
    this.#texts = boundedCache<Known>(entriesMax, entriesMax * REMEMBERED_BYTES_EACH)
  }

  /** What facts rest on besides their text, as a key. Mostly the same as the last time, and then the same string. */
  contextOf({ fingerprint, major }: Catalog, dialect: Dialect): string {
    if (fingerprint !== this.#fingerprint || major !== this.#major || dialect !== this.#dialect) {
      this.#fingerprint = fingerprint
      this.#major = major
      this.#dialect = dialect
      this.#context = JSON.stringify([fingerprint, major, dialect])
    }
    return this.#context
  }

  get(context: string, text: string): Facts | null {
    if (text.length > CHARS_MAX) return null
    for (let known = this.#texts.get(text) ?? null; known !== null; known = known.others)
      if (known.context === context) return known.facts
    return null
  }

  set(context: string, text: string, facts: Facts): void {
    // What failed, or had no time, may do better next time.
    const isFinal = facts.kind === 'understood' || !PASSING.has(facts.code)
    if (!isFinal || text.length > CHARS_MAX || !isRememberable(facts)) return
    const others = first(this.#texts.get(text) ?? null, context, CONTEXTS_MAX - 1)
    let weight = text.length + weightOf(facts)
    for (let other = others; other !== null; other = other.others) weight += weightOf(other.facts)
    this.#texts.set(text, { context, facts, others }, weight)
  }
}

const PASSING: ReadonlySet<string> = new Set(['PARSER_FAILED', 'TOO_SLOW', 'BUSY'])

/** The first few of a list, without those of a context. */
function first(known: Known | null, context: string, count: number): Known | null {
  if (known === null || count === 0) return null
  if (known.context === context) return first(known.others, context, count)
  return { ...known, others: first(known.others, context, count - 1) }
}
