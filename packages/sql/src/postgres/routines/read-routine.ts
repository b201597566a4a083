import type { CatalogRoutine } from '@querywarden/policy-core'
import { builtInEffect } from '../functions/classify-function.ts'
import { nodeAt, type TypedNode, typedNode, typedNodesAt } from '../node.ts'
import { prohibitedBy } from '../settings.ts'
import { type Findings, findUnknown, NOWHERE, noFindings } from './findings.ts'
import { declaredNodes, readPlpgsql } from './plpgsql-routine.ts'
import { type CodeReader, readNode, readStatements, statementOf } from './read-code.ts'
import { ownSearchPath } from './search-path.ts'

/** What a routine's own code does. What it calls is in the findings' codes. */
export function readRoutine(session: CodeReader, routine: CatalogRoutine): Findings {
  const findings = noFindings()
  if (routine.schema === 'pg_catalog' && routine.language !== 'sql' && routine.language !== 'plpgsql') {
    readBuiltIn(routine, findings)
    return findings
  }
  const reader = underItsSettings(session, routine)
  if (reader !== null && reader !== session) findings.searchPath = reader.catalog.searchPath
  if (reader === null) findUnknown(findings, 'changes settings that the reading of its code rests on')
  else if (routine.kind === 'aggregate') readAggregate(routine, findings)
  else if (routine.body === null || routine.kind === 'window') findUnknown(findings, 'has no body that can be read')
  else readBody(reader, routine, routine.body, findings)
  return findings
}

function readBuiltIn({ name, language }: CatalogRoutine, findings: Findings): void {
  // Who makes a function in pg_catalog is a superuser, and names it as they like.
  const does = language === 'internal' ? builtInEffect(name) : { effect: 'unknown' as const, why: 'is not known' }
  if (does === null) return
  findings.uses.push({
    kind: 'function',
    effect: does.effect,
    function: `pg_catalog.${name}`,
    why: does.why,
    place: NOWHERE,
  })
}

function readAggregate(aggregate: CatalogRoutine, findings: Findings): void {
  for (const routine of aggregate.supports) findings.codes.push({ kind: 'routine', routine })
}

/** Names in the code mean what they mean under the routine's own search path. Null where its settings change more. */
function underItsSettings(session: CodeReader, { settings }: CatalogRoutine): CodeReader | null {
  let reader = session
  for (const [name, value] of settings) {
    if (name === 'search_path') {
      const searchPath = ownSearchPath(value)
      if (searchPath === null) return null
      reader = { ...reader, catalog: { ...reader.catalog, searchPath } }
    } else if (prohibitedBy(name, value) !== null) return null
  }
  return reader
}

function readBody(reader: CodeReader, routine: CatalogRoutine, body: string, findings: Findings): void {
  const { language, declaration } = routine
  const isProcedure = routine.kind === 'procedure'
  const head =
    declaration === undefined
      ? null
      : `CREATE ${isProcedure ? 'PROCEDURE' : 'FUNCTION'} ${quoted(routine.name)}(${declaration.parameters})` +
        (isProcedure ? '' : ` RETURNS ${declaration.result}`)
  if (head !== null) readHead(reader, head, findings)
  if (language === 'sql') readSql(reader, body, findings)
  else if (language === 'plpgsql' && head !== null) {
    if (/\brefcursor\b/i.test(head)) findUnknown(findings, 'takes or gives a cursor')
    const isTrigger = declaration?.result === 'trigger'
    readPlpgsql(reader, body, { name: routine.name, head, isTrigger }, findings)
  } else findUnknown(findings, `is written in ${language === 'plpgsql' ? 'a way' : 'a language'} that is not read`)
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

function readHead(reader: CodeReader, head: string, findings: Findings): void {
  const create = statementOf(reader, `${head} LANGUAGE sql AS ''`)
  if (create?.type !== 'CreateFunctionStmt') findUnknown(findings, 'has a declaration that is not understood')
  else for (const node of declaredNodes(create.body)) readNode(reader, node, findings)
}

/** A body that the server keeps parsed is deparsed to what stood in CREATE FUNCTION: BEGIN ATOMIC … END, or RETURN. */
const PARSED = /^\s*(BEGIN\s+ATOMIC|RETURN)\b/i

function readSql(reader: CodeReader, body: string, findings: Findings): void {
  if (!PARSED.test(body)) {
    readStatements(reader, body, findings)
    return
  }
  const create = statementOf(reader, `CREATE FUNCTION f() RETURNS void LANGUAGE sql ${body}`)
  const wrapped = create?.type === 'CreateFunctionStmt' ? nodeAt(create.body, 'sql_body') : null
  const held = wrapped === null ? null : typedNode(wrapped)
  if (held === null) findUnknown(findings, 'has a body that is not understood')
  else for (const statement of statementsIn(held)) readNode(reader, statement, findings)
}

/** RETURN is a node; BEGIN ATOMIC a list with a list of statements in it. */
const statementsIn = ({ type, body }: TypedNode): readonly TypedNode[] =>
  type === 'List' ? typedNodesAt(body, 'items').flatMap(statementsIn) : [{ type, body }]
