import { boundedCache } from './cache.ts'
import type { Grammar } from './engine.ts'
import { type OutlineMemory, outlineMemory } from './facts-by-outline.ts'
import type { ParseLimits, Refused } from './limits.ts'
import { type Outline, outlineOf } from './outline.ts'
import { type ReadText, readText, type Splitting, soleStatement, splitRead } from './split.ts'

/** Between a text's split and its classification other sessions may have their turn. */
const JUST_READ_MAX = 64
const JUST_READ_CHARS_MAX = 4_096

interface JustRead {
  readonly major: number
  readonly read: ReadText
}

/** Reads texts, and remembers what a second reading would only repeat. */
export class Readings {
  /** What is known of statements but for their literals. */
  readonly outlines: OutlineMemory
  readonly #limits: ParseLimits
  readonly #charsMax: number
  #lastLong: JustRead | null = null
  /** By the text of the statement, under the grammar that read it last. */
  readonly #justRead = boundedCache<JustRead>(JUST_READ_MAX)
  /** Of the text that was looked at last; null also where that has none. */
  #lastOutline: Outline | null = null
  #lastText: string | null = null

  /** `charsMax`: of longer texts than are kept by the dozen, the last one is kept. */
  constructor(limits: ParseLimits, outlinesMax: number, charsMax: number = JUST_READ_CHARS_MAX) {
    this.#limits = limits
    this.#charsMax = charsMax
    this.outlines = outlineMemory(outlinesMax)
  }

  /** Splits a text. Its statement is classified soon after, mostly: one parse serves both. */
  split(text: string, grammar: Grammar): Splitting {
    const { major } = grammar
    const outline = this.#look(text)
    if (outline !== null && this.outlines.isOneStatement(major, outline))
      return { kind: 'split', statements: [{ text: outline.text, start: 0, command: null }] }
    const read = readText(text, grammar, this.#limits, outline?.text === text ? outline.tokens : null)
    if (read.kind === 'opaque') return read
    const sole = text.length <= this.#charsMax ? soleStatement(read) : null
    if (sole !== null && text.length > JUST_READ_CHARS_MAX) this.#lastLong = { major, read: sole }
    else if (sole !== null) this.#justRead.set(sole.text, { major, read: sole })
    return splitRead(read, grammar)
  }

  /** Parses a statement, unless its split just did. */
  read(text: string, grammar: Grammar): ReadText | Refused {
    const long = this.#lastLong
    if (long?.major === grammar.major && long.read.text === text) return long.read
    const known = this.#justRead.get(text)
    if (known?.major === grammar.major) return known.read
    const outline = this.#lastOutline
    return readText(text, grammar, this.#limits, outline?.text === text ? outline.tokens : null)
  }

  /** The outline of a statement that has literals to leave out, or null. */
  outlineOf(text: string): Outline | null {
    const outline = this.#lastOutline?.text === text ? this.#lastOutline : this.#look(text)
    return outline?.text === text && outline.literals.length > 0 ? outline : null
  }

  /** Splitting, recalling and classifying a text all ask for its outline, one after the other. */
  #look(text: string): Outline | null {
    if (text !== this.#lastText) {
      this.#lastOutline = outlineOf(text)
      this.#lastText = text
    }
    return this.#lastOutline
  }
}
