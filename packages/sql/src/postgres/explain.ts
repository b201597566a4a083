import type { Use } from '@querywarden/policy-core'
import { useStatement, type Visitor } from './context.ts'
import { type Node, nodeAt, numberAt, stringOf, type TypedNode, textAt, typedAt, typedNodesAt } from './node.ts'
import { constantText } from './settings.ts'

/**
 * EXPLAIN does what the statement in it does only with ANALYZE. Without, the statement is planned: relations are read as
 * schemas, nothing is written, and of functions the planner may compute those that aren't volatile.
 */
export const visitExplain: Visitor = (context, explain, scope, typed) => {
  const [usesBefore, runsBefore] = [context.uses.length, context.runs.length]
  context.visitFields(typed, { ...scope, relations: 'select' })
  if (runsIt(explain)) return
  const planned = context.uses.splice(usesBefore).flatMap(plannedUse)
  context.uses.push(...planned)
  const runs = context.runs.splice(runsBefore)
  // Planning changes no schema.
  const planning = runs.filter(({ via }) => via.kind !== 'event-trigger')
  context.runs.push(...planning.map(run => ({ ...run, isPlanned: true })))
  const made = temporaryRelation(typedAt(explain, 'query')?.body ?? {})
  if (made !== null) useStatement(context, 'ddl', 'makes the schema of temporary relations', context.places.of(made))
}

/** What CREATE TEMP TABLE AS or SELECT INTO would make: the schema for it is made where it is only planned, and stays. */
function temporaryRelation(query: Node): Node | null {
  const into = intoOf(query)
  const made = into === null ? null : nodeAt(into, 'rel')
  if (made === null) return null
  return textAt(made, 'relpersistence') === 't' || textAt(made, 'schemaname') === 'pg_temp' ? made : null
}

/** `SELECT … INTO t UNION SELECT …`: the INTO is in the first of the queries. */
function intoOf(query: Node): Node | null {
  let into = nodeAt(query, 'into') ?? nodeAt(query, 'intoClause')
  for (let left = nodeAt(query, 'larg'); left !== null && into === null; left = nodeAt(left, 'larg'))
    into = nodeAt(left, 'intoClause')
  return into
}

/** Whether the statement is run. Of an option that is given more than once, the last one counts (ExplainQuery). */
function runsIt(explain: Node): boolean {
  let runs = false
  for (const { body } of typedNodesAt(explain, 'options'))
    if (textAt(body, 'defname') === 'analyze') runs = !isOff(typedAt(body, 'arg'))
  return runs
}

/** What defGetBoolean takes for false. */
function isOff(value: TypedNode | null): boolean {
  if (value === null) return false
  if (value.type === 'Integer') return numberAt(value.body, 'ival') === 0
  const text = stringOf(value) ?? constantText(value)
  if (value.type === 'Boolean') return value.body['boolval'] !== true
  return text !== null && ['false', 'off', '0'].includes(text.toLowerCase())
}

/** Effects of the statement as a whole that planning has not. */
const NOT_PLANNED: ReadonlySet<string> = new Set(['write', 'ddl', 'session'])

function plannedUse(use: Use): readonly Use[] {
  switch (use.kind) {
    case 'relation':
      return isUndone(use) ? [{ ...use, effect: 'read', unbounded: false }] : [use]
    case 'statement':
      return NOT_PLANNED.has(use.effect) ? [] : [use]
    case 'function':
      return [use]
  }
}

/** How a relation was to be written stays in the use: masks are held to it. */
const isUndone = ({ effect }: Use): boolean => effect === 'write' || effect === 'ddl'
