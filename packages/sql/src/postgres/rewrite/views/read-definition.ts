import { type Catalog, relationKey, type UsedRelation, type ViewDefinition } from '@querywarden/policy-core'
import type { Grammar } from '../../engine.ts'
import { lex } from '../../lex.ts'
import { bindNames, type Names } from '../../names/bind.ts'
import type { Node } from '../../node.ts'
import { type Places, placesIn } from '../../places.ts'
import { isSystemRelation, isSystemSchema } from '../../system-relations.ts'
import { disagreement, type Impossible, impossible } from '../impossible.ts'
import { onlySelect } from '../masked-query.ts'
import { type Range, type Survey, surveyTree } from '../survey.ts'
import { type TextCursor, textCursor } from '../text-cursor.ts'

/** A view's definition as it was parsed. */
export interface Definition {
  readonly kind: 'definition'
  readonly text: string
  /** The body of its SelectStmt. */
  readonly select: Node
  readonly survey: Survey
  readonly cursor: TextCursor
  readonly names: Names
  readonly places: Places
}

interface Known {
  readonly catalog: Catalog
  readonly grammar: Grammar
  readonly definition: Definition | Impossible
}

/** A definition belongs to one catalog, and is read by one grammar at a time. */
const read = new WeakMap<ViewDefinition, Known>()

/** Parses a view's definition and resolves its names. Read once for a catalog. */
export function readDefinition(view: ViewDefinition, catalog: Catalog, grammar: Grammar): Definition | Impossible {
  const known = read.get(view)
  if (known?.catalog === catalog && known.grammar === grammar) return known.definition
  const definition = parseDefinition(view, catalog, grammar)
  read.set(view, { catalog, grammar, definition })
  return definition
}

function parseDefinition({ text, reads }: ViewDefinition, catalog: Catalog, grammar: Grammar): Definition | Impossible {
  const select = onlySelect(text, grammar)
  if (select === null) return disagreement('its definition can not be parsed')
  const survey = surveyTree({ type: 'SelectStmt', body: select })
  if ('kind' in survey) return survey
  const tokens = lex(text)
  const places = placesIn(text, tokens, 0, textBytes(text))
  const names = bindNames({ type: 'SelectStmt', body: select }, catalog, places)
  if (names === null) return impossible('its definition names too many columns', HINT)
  if (!readsAsKnown(survey.ranges, reads))
    return disagreement('its definition reads other relations than the catalog says')
  return { kind: 'definition', text, select, survey, cursor: textCursor(text, tokens), names, places }
}

const textBytes = (text: string): number => Buffer.byteLength(text)

export const HINT = 'query the base tables of the view; their masks are applied where the rows are fetched'

/** Whether the relations that stand in a definition are those that the server's own record of it names. */
function readsAsKnown(ranges: readonly Range[], reads: readonly UsedRelation[]): boolean {
  const missing = new Set(reads.map(relationKey))
  const known = new Set(missing)
  for (const range of ranges) {
    if (range.isCte) continue
    const key = relationKey(range)
    missing.delete(key)
    // What has no schema is the server's own: definitions are deparsed with every other name qualified.
    const { schema, name } = range
    const isSystems = schema === '' ? isSystemRelation('pg_catalog', name) : isSystemSchema(schema)
    if (!known.has(key) && !isSystems) return false
  }
  return missing.size === 0
}
