import { lex } from '../lex.ts'
import { checkCharacters, checkTokens } from '../limits.ts'
import { type Node, nameParts, type TypedNode, textAt, typedAt, typedNodesAt } from '../node.ts'
import { constantText } from '../settings.ts'
import { type Findings, findUnknown, NOWHERE } from './findings.ts'
import { type CodePart, type PlpgsqlCode, takeApart } from './plpgsql-code.ts'
import { type CodeReader, readNode, readStatements, statementOf } from './read-code.ts'
import { rowNames } from './row-names.ts'
import { readVariableType, withoutRowType } from './variable-type.ts'

/** How PL/pgSQL code is declared: what stands before its body in CREATE FUNCTION. */
export interface Declaration {
  readonly name: string
  /** `CREATE FUNCTION f(a int) RETURNS int` */
  readonly head: string
  /** It runs for a row that is written, which it knows as NEW and OLD. */
  readonly isTrigger: boolean
}

/** A longer body isn't followed: nobody writes one by hand, and it would be read while a session waits. */
const BODY_CHARS_MAX = 64_000

/** Notes what a PL/pgSQL body does. */
export function readPlpgsql(reader: CodeReader, body: string, declared: Declaration, findings: Findings): void {
  const isTooMuch =
    body.length > BODY_CHARS_MAX ||
    checkCharacters(body, reader.limits) !== null ||
    checkTokens(body, lex(body), reader.limits) !== null
  const tag = `$q${freeTag(body)}$`
  const tree = isTooMuch
    ? null
    : reader.plpgsql.parse(`${declared.head} LANGUAGE plpgsql AS ${tag}${withoutRowType(body)}${tag}`)
  const code = tree === null ? null : takeApart(tree, body, declared.name)
  if (code === null) {
    findUnknown(findings, 'has code that is not understood')
    return
  }
  for (const [effect, why] of code.effects) findings.uses.push({ kind: 'statement', effect, why, place: NOWHERE })
  for (const type of new Set(code.types)) readVariableType(reader, type, code.variables, findings)
  for (const part of code.parts) readPart(reader, part, code, declared, findings)
}

/** A number that makes a dollar tag that the body doesn't have. */
function freeTag(body: string): number {
  const taken = new Set(Array.from(body.matchAll(/(?<=\$q)\d+/g), ([digits]) => digits))
  let tag = 0
  while (taken.has(String(tag))) tag += 1
  return tag
}

function readPart(
  reader: CodeReader,
  part: CodePart,
  { variables, rows }: PlpgsqlCode,
  { isTrigger }: Declaration,
  findings: Findings,
): void {
  const { role, text } = part
  if (role === 'query') {
    for (const { mentions } of readStatements(reader, text, findings, variables))
      if (isTrigger) for (const name of rowNames(mentions, rows)) findings.passedOn.add(name)
    return
  }
  const assignment = role === 'assignment' ? assignmentOf(text) : null
  if (role === 'assignment' && assignment === null) {
    findUnknown(findings, 'has an assignment that is not understood')
    return
  }
  if (assignment?.target.includes('[') === true) readExpression(reader, assignment.target, variables, findings)
  const read = readExpression(reader, assignment?.value ?? text, variables, findings)
  if (read === null) return
  if (role === 'shown') findings.raises = true
  if (role === 'dynamic') readDynamic(reader, read.expression, findings)
  if (!isTrigger) return
  const mayPass = (role === 'condition' && isTest(read.expression)) || role === 'result'
  if (mayPass && !read.runsCode && isPlain(read.expression, role === 'result')) return
  const own = assignment === null || read.runsCode ? null : ownColumn(assignment.target)
  for (const name of rowNames(read.mentions, rows)) if (name !== own) findings.passedOn.add(name)
}

/** Code is given as `SELECT` and what follows it: the parser's own way (make_datum and read_sql_construct in pl_gram.y). */
function readExpression(reader: CodeReader, text: string, variables: ReadonlySet<string>, findings: Findings) {
  const statement = statementOf(reader, `SELECT ${text}`)
  if (statement?.type !== 'SelectStmt') {
    findUnknown(findings, 'has an expression that is not understood')
    return null
  }
  const walked = readNode(reader, statement, findings, variables)
  if (walked === null) return null
  const targets = typedNodesAt(statement.body, 'targetList')
  const isBare = targets.length === 1 && Object.keys(statement.body).every(field => BARE.has(field))
  const [target] = targets
  return {
    /** The expression where it is nothing else. */
    expression: isBare && target !== undefined ? typedAt(target.body, 'val') : null,
    mentions: walked.mentions,
    runsCode: walked.runs.length > 0 || walked.uses.length > 0,
  }
}

const BARE = new Set(['targetList', 'limitOption', 'op'])

/** EXECUTE of a text that never changes is as good as the statement itself. */
function readDynamic(reader: CodeReader, expression: TypedNode | null, findings: Findings): void {
  const text = expression === null ? null : foldedText(expression)
  if (text === null) findUnknown(findings, 'runs SQL that it makes at run time')
  else readStatements(reader, text, findings)
}

/** The value of a literal, or of literals joined by `||`. */
function foldedText(expression: TypedNode): string | null {
  if (expression.type !== 'A_Expr') return expression.type === 'A_Const' ? constantText(expression) : null
  const { body } = expression
  if (textAt(body, 'kind') !== 'AEXPR_OP' || nameParts(body, 'name').join('.') !== '||') return null
  const left = typedAt(body, 'lexpr')
  const right = typedAt(body, 'rexpr')
  const [first, second] = [left === null ? null : foldedText(left), right === null ? null : foldedText(right)]
  return first === null || second === null ? null : first + second
}

/** `a := b` and `a = b` by their first sign that is in no bracket; null where there is none. */
function assignmentOf(text: string): { readonly target: string; readonly value: string } | null {
  let depth = 0
  for (const { kind, start } of lex(text)) {
    if (kind === 'mark' && (text[start] === '[' || text[start] === '(')) depth += 1
    if (kind === 'mark' && (text[start] === ']' || text[start] === ')')) depth -= 1
    if (depth > 0 || kind !== 'operator' || text[start] !== '=') continue
    const end = text[start - 1] === ':' ? start - 1 : start
    return { target: text.slice(0, end), value: text.slice(start + 1) }
  }
  return null
}

/** The column that `NEW.column := …` assigns to, or null. */
function ownColumn(target: string): string | null {
  const match = /^\s*new\s*\.\s*([a-z_][a-z0-9_$]*)\s*$/i.exec(target)
  return match?.[1]?.toLowerCase() ?? null
}

/** Operators that give a truth value, and say nothing of their operands in an error. */
const TESTS = /^(<|>|=|<=|>=|<>|!?~~\*?)$/

/**
 * Whether an expression is a truth value by its form. Any other is cast to one, and a value that can't be is in the
 * error's text, which a handler may read.
 */
function isTest(expression: TypedNode | null): boolean {
  if (expression === null) return false
  const { type, body } = expression
  if (type === 'A_Expr') return TESTS.test(nameParts(body, 'name').join('.')) || textAt(body, 'kind') !== 'AEXPR_OP'
  return type === 'BoolExpr' || type === 'NullTest' || type === 'BooleanTest' || type === 'A_Const'
}

const COMPARING = new Set([
  'A_Expr',
  'BoolExpr',
  'NullTest',
  'BooleanTest',
  'ColumnRef',
  'A_Const',
  'A_ArrayExpr',
  'List',
  'String',
])
/** The row that a trigger gives back is whole: it may be picked, not made. */
const PICKING = new Set(['CaseExpr', 'CaseWhen', 'CoalesceExpr'])

/** Whether an expression compares and picks, and no more: what it looks at goes nowhere but into the row it came from. */
function isPlain(expression: TypedNode | null, mayPick: boolean): boolean {
  if (expression === null) return false
  const pending: unknown[] = [{ [expression.type]: expression.body }]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue
    for (const [name, held] of Object.entries(value)) {
      const isNode = /^[A-Z]/.test(name)
      if (isNode && !COMPARING.has(name) && !(mayPick && PICKING.has(name))) return false
      if (name !== 'ColumnRef' && name !== 'A_Const') pending.push(held)
    }
  }
  return true
}

/** The parameters and result of a declaration, to be walked: types that run code, defaults that do. */
export const declaredNodes = (create: Node): readonly TypedNode[] => [
  ...typedNodesAt(create, 'parameters'),
  ...typedReturn(create),
]

function typedReturn(create: Node): readonly TypedNode[] {
  const body = create['returnType']
  return typeof body === 'object' && body !== null ? [{ type: 'TypeName', body: { ...body } }] : []
}
