import type { Reaction, Use, UsedRelation } from '@querywarden/policy-core'
import { nodesAt, type TypedNode, typedAt, typedNode } from '../node.ts'
import { type Findings, findUnknown, NOWHERE, noFindings } from '../routines/findings.ts'
import { type CodeReader, readNode, relationIn, statementOf } from '../routines/read-code.ts'
import { rowNames } from '../routines/row-names.ts'
import type { Code } from '../routines/run.ts'
import { reactionsOn } from './reactions-on.ts'

type ReactionCode = Extract<Code, { kind: 'reaction' }>

/** What a relation's trigger, rule, foreign key or expression does itself. */
export function readReaction(reader: CodeReader, code: ReactionCode): Findings {
  const findings = noFindings()
  const { reaction } = code
  switch (reaction.kind) {
    case 'trigger':
      findings.codes.push({ kind: 'routine', routine: reaction.routine })
      readTrigger(reader, reaction, findings)
      break
    case 'rule':
      readRule(reader, reaction.definition, findings)
      break
    case 'cascade':
      readCascade(reader, reaction, findings)
      break
    case 'default':
      readExpression(reader, reaction.expression, findings)
      // The numbers of its own sequence are a part of inserting a row.
      return { ...findings, uses: findings.uses.filter(use => !isNextNumber(use)) }
    default:
      readExpression(reader, reaction.expression, findings)
  }
  return findings
}

const isNextNumber = (use: Use): boolean => use.kind === 'function' && use.function === 'pg_catalog.nextval'

function readTrigger(reader: CodeReader, { definition }: Extract<Reaction, { kind: 'trigger' }>, findings: Findings) {
  if (definition === undefined) return
  const create = definition === null ? null : statementOf(reader, definition)
  if (create?.type !== 'CreateTrigStmt') {
    findUnknown(findings, 'has a definition that can not be read')
    return
  }
  // They stand before all relations of their names.
  if (nodesAt(create.body, 'transitionRels').length > 0) findUnknown(findings, 'is handed rows as a transition table')
  const when = typedAt(create.body, 'whenClause')
  if (when !== null) readRowCode(reader, when, findings)
}

function readRule(reader: CodeReader, definition: string, findings: Findings): void {
  const rule = statementOf(reader, definition)
  if (rule?.type !== 'RuleStmt') {
    findUnknown(findings, 'has a definition that is not understood')
    return
  }
  const where = typedAt(rule.body, 'whereClause')
  for (const node of [...(where === null ? [] : [where]), ...nodesAt(rule.body, 'actions').flatMap(nodesIn)])
    readRowCode(reader, node, findings)
}

const nodesIn = (wrapped: Parameters<typeof typedNode>[0]): readonly TypedNode[] => {
  const typed = typedNode(wrapped)
  return typed === null ? [] : [typed]
}

/** Code over NEW and OLD: what it mentions of them may go wherever it writes to. */
function readRowCode(reader: CodeReader, node: TypedNode, findings: Findings): void {
  const walked = readNode(reader, node, findings)
  for (const name of walked === null ? [] : rowNames(walked.mentions)) findings.passedOn.add(name)
}

function readCascade(
  { catalog }: CodeReader,
  { relation: name, access }: Extract<Reaction, { kind: 'cascade' }>,
  findings: Findings,
): void {
  const relation = relationIn(catalog, name)
  if (relation === null) {
    findUnknown(findings, 'changes a relation that is not in the catalog')
    return
  }
  const use: Use = {
    kind: 'relation',
    effect: 'write',
    access,
    relation: withColumns(relation, []),
    unbounded: access === 'truncate',
    place: NOWHERE,
  }
  findings.uses.push(use)
  findings.codes.push(
    ...reactionsOn(catalog, use, { assigned: new Map(), cascades: true, rewrites: false }).map(({ code }) => code),
  )
}

/** A relation with no columns but these, and without what only the catalog needs to know of it. */
export const withColumns = (
  { schema, name, oid, kind }: UsedRelation,
  columns: UsedRelation['columns'],
): UsedRelation => ({ schema, name, oid, kind, columns })

/** An expression over a row. What it computes stays with the row; a function that it hands columns to may pass them on. */
function readExpression(reader: CodeReader, expression: string | null, findings: Findings): void {
  const statement = expression === null ? null : statementOf(reader, `SELECT ${expression}`)
  if (statement === null) {
    findUnknown(findings, 'runs code that can not be read')
    return
  }
  const walked = readNode(reader, statement, findings)
  for (const { name } of walked?.mentions ?? []) findings.passedOn.add(name)
}
