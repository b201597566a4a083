import type { Catalog, Prohibition, Use } from '@querywarden/policy-core'
import { readReaction, withColumns } from '../reactions/read-reaction.ts'
import { type Findings, findUnknown, merged, NOWHERE, noFindings } from './findings.ts'
import { readPlpgsql } from './plpgsql-routine.ts'
import type { CodeReader } from './read-code.ts'
import { readRoutine } from './read-routine.ts'
import type { Code } from './run.ts'

/** What code does, with all that it calls and sets off in turn. */
export interface Outcome {
  /** What is known of it: none of them `unknown`. Relations with the columns alone that it may read or pass on. */
  readonly uses: readonly Use[]
  /** Why it may do more, or null. */
  readonly unknown: string | null
  readonly prohibitions: readonly Prohibition[]
  /** How many pieces of code that is. */
  readonly size: number
}

/** Follows code through all that it runs. Remembers what it read for as long as the catalog is in use. */
export interface CodeFollower {
  readonly follow: (reader: CodeReader, code: Code, isPlanned: boolean) => Outcome
}

/** More pieces of code than this aren't followed from one place, nor more than so many uses. */
const CODES_MAX = 400
/** Characters of all bodies together: they are read while a session waits, once for each catalog. */
const CHARS_MAX = 300_000
const USES_MAX = 4_000

interface Memory {
  readonly findings: Map<object, Map<string, Findings>>
  readonly outcomes: Map<object, Map<string, Outcome>>
}

/** Makes a follower. One that is asked again under the same catalog answers at once. */
export function codeFollower(): CodeFollower {
  // A session without a search path has a catalog of its own, of the same relations.
  const memories = new WeakMap<Catalog['relations'], Map<string, Memory>>()
  const memoryOf = ({ relations, fingerprint, searchPath }: Catalog): Memory => {
    const ofSnapshot = memories.get(relations) ?? new Map<string, Memory>()
    memories.set(relations, ofSnapshot)
    const key = JSON.stringify([fingerprint, searchPath])
    const known = ofSnapshot.get(key) ?? { findings: new Map(), outcomes: new Map() }
    ofSnapshot.set(key, known)
    return known
  }
  return {
    follow: (reader, code, isPlanned) => {
      const memory = memoryOf(reader.catalog)
      const read = (each: Code): Findings => remembered(memory.findings, each, '', () => findingsOf(reader, each))
      return remembered(memory.outcomes, code, isPlanned ? 'planned' : '', () => outcomeOf(read, code, isPlanned))
    },
  }
}

function remembered<Value>(
  memory: Map<object, Map<string, Value>>,
  code: Code,
  variant: string,
  make: () => Value,
): Value {
  if (code.kind === 'block') return make()
  const object = objectOf(code)
  const key = variant + variantOf(code)
  const made = memory.get(object) ?? new Map<string, Value>()
  memory.set(object, made)
  const value = made.get(key) ?? make()
  made.set(key, value)
  return value
}

/** The object of the catalog that code is. */
function objectOf(code: Code): object {
  switch (code.kind) {
    case 'routine':
      return code.routine
    case 'reaction':
      return code.reaction
    case 'block':
      return code
  }
}

/** What more than the object decides what it does. */
const variantOf = (code: Code): string =>
  code.kind !== 'reaction' && code.searchPath === undefined
    ? ''
    : JSON.stringify([code.kind === 'reaction' ? [code.access, code.relation.oid] : [], code.searchPath ?? null])

function findingsOf(session: CodeReader, code: Code): Findings {
  const { searchPath } = code
  const reader = searchPath === undefined ? session : { ...session, catalog: { ...session.catalog, searchPath } }
  switch (code.kind) {
    case 'routine':
      return readRoutine(reader, code.routine)
    case 'reaction':
      return readReaction(reader, code)
    case 'block':
      return readBlock(reader, code)
  }
}

function readBlock(reader: CodeReader, { language, body }: Extract<Code, { kind: 'block' }>): Findings {
  const findings = noFindings()
  const declared = { name: 'inline_code_block', head: 'CREATE FUNCTION f() RETURNS void', isTrigger: false }
  if (language === 'plpgsql') readPlpgsql(reader, body, declared, findings)
  else findUnknown(findings, 'is written in a language that is not read')
  return findings
}

type Read = (code: Code) => Findings

/** The uses of some code, each but once. It may be reached from many places, and is read but once. */
function usesIn(findings: Findings): readonly Use[] {
  const known = mergedUses.get(findings) ?? merged(findings.uses)
  mergedUses.set(findings, known)
  return known
}

const mergedUses = new WeakMap<Findings, readonly Use[]>()

function outcomeOf(read: Read, root: Code, isPlanned: boolean): Outcome {
  const uses: Use[] = []
  const prohibitions: Prohibition[] = []
  let size = 0
  const isWhole = visit(read, root, isPlanned, ({ code, isPlanned }, findings) => {
    size += 1
    const own = usesIn(findings)
    uses.push(...(isPlanned ? own.map(asPlanned) : [...own, ...passedOn(read, code, findings)]))
    prohibitions.push(...findings.prohibitions)
    return uses.length <= USES_MAX
  })
  const unknown = uses.find(use => use.effect === 'unknown')
  const why = unknown === undefined ? null : unknown.kind === 'relation' ? 'is not known' : unknown.why
  return {
    uses: merged(uses.filter(use => use.effect !== 'unknown')),
    unknown: isWhole ? why : 'runs more code than is followed',
    prohibitions,
    size,
  }
}

/** Code to visit. `isPlanned`: it is put into a plan, and only what the planner computes in advance of it is run. */
interface Visited {
  readonly code: Code
  readonly isPlanned: boolean
}

/** Goes through all code that a piece of code runs, each once. False where that is too much. */
function visit(
  read: Read,
  root: Code,
  isPlanned: boolean,
  look: (visited: Visited, findings: Findings) => boolean,
): boolean {
  const seen = new Map<object, Set<string>>()
  let count = 0
  let chars = 0
  const pending: Visited[] = [{ code: root, isPlanned }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { code } = next
    const variants = seen.get(objectOf(code)) ?? new Set()
    seen.set(objectOf(code), variants)
    const variant = `${next.isPlanned} ${variantOf(code)}`
    if (variants.has(variant)) continue
    variants.add(variant)
    count += 1
    chars += code.kind === 'routine' ? (code.routine.body?.length ?? 0) : 0
    if (count > CODES_MAX || chars > CHARS_MAX) return false
    const routine = next.isPlanned && code.kind === 'routine' ? code.routine : null
    const isVolatile = routine?.volatility === 'volatile'
    // The planner may put an SQL function's body in place of its call, and then compute parts of it in advance.
    if (isVolatile && routine?.language !== 'sql') continue
    const findings = read(code)
    // What it computes in advance it runs, with all that this calls.
    const visited = routine !== null && !isVolatile ? { code, isPlanned: false } : next
    if (!isVolatile && !look(visited, findings)) return false
    const searchPath = findings.searchPath ?? code.searchPath
    for (const each of findings.codes)
      pending.push({ ...visited, code: searchPath === undefined ? each : { ...each, searchPath } })
  }
  return true
}

/** EXPLAIN of a write writes nothing. */
const asPlanned = (use: Use): Use =>
  use.kind === 'relation' && use.effect === 'write' ? { ...use, effect: 'read', unbounded: false } : use

/**
 * The relation whose row a piece of code is run for, with the columns whose values may go elsewhere: into another
 * relation, a message, another column. A row to be inserted is what the client has sent.
 */
function passedOn(read: Read, code: Code, findings: Findings): readonly Use[] {
  if (code.kind !== 'reaction' || code.access === 'insert') return []
  const { reaction, relation, access } = code
  const names = new Set(findings.passedOn)
  if (reaction.kind === 'trigger') {
    for (const name of read({ kind: 'routine', routine: reaction.routine }).passedOn) names.add(name)
  } else if (reaction.kind !== 'rule' && !mayTell(findings) && !findings.codes.some(each => tells(read, each)))
    return []
  const columns = relation.columns.filter(({ name }) => names.has('*') || names.has(name))
  if (columns.length === 0) return []
  const effect = access === 'select' || access === 'copy' ? 'read' : 'write'
  const kept = withColumns(relation, columns)
  return [{ kind: 'relation', effect, access, relation: kept, unbounded: false, place: NOWHERE }]
}

/** Whether code may pass on what it is given: it writes, or shows it in a message. */
function tells(read: Read, code: Code): boolean {
  return !visit(read, code, false, (_, findings) => !mayTell(findings))
}

const mayTell = ({ uses, raises }: Findings): boolean => raises || uses.some(use => use.effect !== 'read')
