import {
  type Catalog,
  type CatalogRelation,
  changesCode,
  relationKey,
  type UsedRelation,
} from '@querywarden/policy-core'
import { tagUses } from '../context.ts'
import type { Grammar } from '../engine.ts'
import type { ParseLimits } from '../limits.ts'
import type { TypedNode } from '../node.ts'
import { reactionsOn } from '../reactions/reactions-on.ts'
import { readText } from '../split.ts'
import { takesName } from '../takes-name.ts'
import { tagOfStatement, type Walked, walk } from '../walk.ts'
import { asRead, codePlaces, type Findings, findUnknown } from './findings.ts'
import type { PlpgsqlParser } from './plpgsql-parser.ts'

/** What code is read with. */
export interface CodeReader {
  /** With the search path that the code runs under. */
  readonly catalog: Catalog
  readonly grammar: Grammar
  readonly limits: ParseLimits
  readonly plpgsql: PlpgsqlParser
}

/** Types are made by code that looks first whether they are there; by themselves they run nothing. */
const MAKES_NO_CODE: ReadonlySet<string> = new Set(['CREATE TYPE'])
const NO_VARIABLES: ReadonlySet<string> = new Set()

/** The statements of a text by the grammar of the server's major; null where it isn't understood. */
export function statementsOf(reader: CodeReader, text: string): readonly TypedNode[] | null {
  const read = readText(text, reader.grammar, reader.limits)
  return read.kind === 'opaque' ? null : read.statements
}

/** The one statement of a text, or null. */
export function statementOf(reader: CodeReader, text: string): TypedNode | null {
  const statements = statementsOf(reader, text)
  return statements?.length === 1 ? (statements[0] ?? null) : null
}

/** Walks a node of some code and notes what running it does. Null where it isn't understood, which is noted too. */
export function readNode(
  reader: CodeReader,
  node: TypedNode,
  findings: Findings,
  variables: ReadonlySet<string> = NO_VARIABLES,
): Walked | null {
  const { catalog, grammar, limits } = reader
  const walked = walk(node, catalog, grammar.major, codePlaces, limits.nodesMax, variables)
  if (walked.trouble !== null) {
    findUnknown(findings, walked.trouble.message)
    return null
  }
  // What the code goes on to name or to call need not be what the catalog knows (threats N2).
  const tag = tagOfStatement(node)
  if (
    tag !== null &&
    !MAKES_NO_CODE.has(tag) &&
    changesCode({ tag, uses: walked.uses, takesName: takesName(node, catalog) })
  )
    findUnknown(findings, 'changes code, views or names')
  const uses = [...walked.uses]
  tagUses(uses, 0, tag)
  for (const use of uses) {
    findings.uses.push(use.kind === 'relation' ? { ...use, relation: asRead(use.relation, walked) } : use)
    findings.codes.push(...reactionsOn(catalog, use, walked.writes).map(({ code }) => code))
  }
  findings.prohibitions.push(...walked.prohibitions)
  findings.codes.push(...walked.runs.map(({ code }) => code))
  return walked
}

/** Reads every statement of a text. */
export function readStatements(
  reader: CodeReader,
  text: string,
  findings: Findings,
  variables: ReadonlySet<string> = NO_VARIABLES,
): readonly Walked[] {
  const statements = statementsOf(reader, text)
  if (statements === null) findUnknown(findings, 'has a statement that is not understood')
  return (statements ?? []).flatMap(statement => readNode(reader, statement, findings, variables) ?? [])
}

/** A relation of the catalog, or null. */
export const relationIn = (
  { relations }: Catalog,
  name: Pick<UsedRelation, 'schema' | 'name'>,
): CatalogRelation | null => relations.get(relationKey(name)) ?? null
