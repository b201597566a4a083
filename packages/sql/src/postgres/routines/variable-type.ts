import { relationKey } from '@querywarden/policy-core'
import { lex, type Token } from '../lex.ts'
import { type Findings, findUnknown } from './findings.ts'
import { type CodeReader, readNode, statementOf } from './read-code.ts'

/**
 * PL/pgSQL code with blanks for `%ROWTYPE`: a relation's name is the name of its row type, and the parser, which knows no
 * relations, takes what is so marked for a single value.
 */
export function withoutRowType(body: string): string {
  const tokens = lex(body).filter(token => token.kind !== 'space' && !token.kind.endsWith('comment'))
  let text = ''
  let done = 0
  for (const [at, token] of tokens.entries()) {
    const end = tokens[at + 1]?.end ?? 0
    if (body.slice(token.start, token.end) !== '%' || !/^rowtype$/i.test(wordAt(body, tokens[at + 1]))) continue
    text += body.slice(done, token.start) + ' '.repeat(end - token.start)
    done = end
  }
  return text + body.slice(done)
}

const wordAt = (body: string, token: Token | undefined): string =>
  token?.kind === 'word' ? body.slice(token.start, token.end) : ''

/**
 * Notes what the type of a variable does: one that runs code does so at each assignment, and so do the types of a row's
 * columns. `t.c%TYPE` is what the column is of.
 */
export function readVariableType(
  reader: CodeReader,
  type: string,
  variables: ReadonlySet<string>,
  findings: Findings,
): void {
  const [name = '', mark] = type.split('%')
  if (mark === undefined && !readType(reader, name, variables, findings))
    findUnknown(findings, 'has a variable of a type that is not understood')
  const parts = namesIn(name)
  // Of a variable: its own type is looked at where it is declared.
  if (mark !== undefined && variables.has(parts[0] ?? '')) return
  const columns = columnsOf(reader, mark === undefined ? parts : parts.slice(0, -1))
  for (const column of columns) readType(reader, column.replace(/(\(.*\))?(\[\])*$/, ''), variables, findings)
}

/** Whether it could be read. */
function readType(reader: CodeReader, type: string, variables: ReadonlySet<string>, findings: Findings): boolean {
  const statement = statementOf(reader, `SELECT NULL::${type}`)
  if (statement !== null) readNode(reader, statement, findings, variables)
  return statement !== null
}

const namesIn = (name: string): readonly string[] =>
  lex(name).flatMap(({ kind, start, end }) => {
    if (kind === 'word') return [name.slice(start, end).toLowerCase()]
    return kind === 'identifier' ? [name.slice(start + 1, end - 1).replaceAll('""', '"')] : []
  })

function columnsOf({ catalog }: CodeReader, parts: readonly string[]): readonly string[] {
  const [name = '', schema] = [parts.at(-1), parts.at(-2)]
  const schemas = schema === undefined ? catalog.searchPath : [schema]
  return schemas.flatMap(
    each => catalog.relations.get(relationKey({ schema: each, name }))?.columns.map(column => column.type) ?? [],
  )
}
