import type { JsonStep } from '../mask.ts'

/** So many steps down may a path lead: the SQL of a mask nests a subquery for each. */
export const JSON_STEPS_MAX = 12

/** A step as SQL/JSON writes it (ISO/IEC 9075-2, section 9.44): `.name`, `."any name"`, `[*]`. */
const STEP = /\.([A-Za-z_][A-Za-z0-9_]*)|\.("(?:[^"\\]|\\.)*")|(\[\*\])/y

/**
 * Reads the subset of SQL/JSON paths that a mask can follow: members and `[*]`. Null for every other text.
 *
 * @example
 * readJsonPath('$.cards[*]."card no"') // member cards, elements, member `card no`
 */
export function readJsonPath(text: string): readonly JsonStep[] | null {
  if (!text.startsWith('$')) return null
  const steps: JsonStep[] = []
  for (let at = 1; at < text.length; at = STEP.lastIndex) {
    STEP.lastIndex = at
    const match = STEP.exec(text)
    if (match === null || steps.length === JSON_STEPS_MAX) return null
    const [, plain, quoted] = match
    const name = plain ?? (quoted === undefined ? undefined : unquoted(quoted))
    if (name === null) return null
    steps.push(name === undefined ? { kind: 'elements' } : { kind: 'member', name })
  }
  return steps
}

/** Read as JSON reads a string; no member's name holds a NUL or half a character in a database. */
function unquoted(quoted: string): string | null {
  try {
    const name: unknown = JSON.parse(quoted)
    return typeof name === 'string' && !/\0|\p{Cs}/u.test(name) ? name : null
  } catch {
    return null
  }
}
