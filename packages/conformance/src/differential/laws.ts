import { type Facts, relationKey, type Use } from '@querywarden/policy-core'
import { isPlainRead, isUnknown } from './facts-of.ts'
import type { Observation } from './observe.ts'
import type { RelationMap } from './relation-map.ts'
import type { Outcome, Trial } from './trial.ts'
import type { World } from './world.ts'

/** What the facts must never leave out. */
export const LAWS = [
  'a read moves nothing',
  'every relation that is written is in the facts as written',
  'every relation that is locked is in the facts',
  'what changes the schema says so',
  'what changes a setting or a role says so',
  'every column that the server records is in the facts',
  'every function that the server records is in the facts',
  'the origin of a result column is in the facts',
  'the labels of a result are those in the facts',
  'the tag is that of the server',
  'one statement is one to the server',
] as const
export type Law = (typeof LAWS)[number]

/** A law that a statement broke. */
export interface Breach {
  readonly law: Law
  /** What the server did or has, and the facts have not. */
  readonly detail: string
}

type Understood = Extract<Facts, { kind: 'understood' }>
type Ran = Extract<Outcome, { kind: 'ran' }>

/** System tables below this OID hold the schema, and what is bound to it. */
const USER_OID_MIN = 16_384
/** pg_largeobject, pg_largeobject_metadata and pg_shdepend, which knows their owners: their rows are data. */
const LARGE_OBJECTS = new Set([2613, 2995, 1214])
/** pg_statistic, pg_statistic_ext_data, pg_class: what maintenance updates. */
const STATISTICS = new Set([2619, 3429, 1259])
/** They give a relation another file: that it is in another place in pg_class is no change of the schema. */
const REFILLING = new Set(['TRUNCATE TABLE', 'REFRESH MATERIALIZED VIEW'])
/** A query that makes a relation has one of these tags. */
const MAKING = new Set(['SELECT', 'CREATE TABLE AS', 'CREATE MATERIALIZED VIEW'])
/** The tags whose locks are those of the relations named. Others lock what depends on these too. */
const PLAIN = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'TABLE', 'VALUES'])

/** The laws that a trial breaks. Only what the facts leave out breaks one: to say too much is not unsafe. */
export function breachesOf({ facts, outcome }: Trial, world: World): readonly Breach[] {
  if (facts.kind === 'opaque') return []
  if (outcome.kind === 'failed')
    return outcome.isMany ? [{ law: 'one statement is one to the server', detail: outcome.message }] : []
  if (outcome.kind === 'untried') return []
  // What was prepared says its own tag, and so does a query that makes a table: unless the table is there.
  const tag: readonly Breach[] =
    outcome.tag === facts.tag ||
    facts.tag === 'EXECUTE' ||
    (MAKING.has(outcome.tag) && MAKING.has(facts.tag) && !isPlainRead(facts))
      ? []
      : [{ law: 'the tag is that of the server', detail: `${outcome.tag}, not ${facts.tag}` }]
  const outputs = outputBreaches(facts, outcome, world.map)
  if (isUnknown(facts)) return [...tag, ...outputs]
  return [
    ...tag,
    ...outputs,
    ...(isPlainRead(facts) ? movedByRead(outcome, world) : changesLeftOut(facts, outcome, world)),
    ...locksLeftOut(facts, outcome, world.map),
    ...recordLeftOut(facts, outcome, world.map),
  ]
}

function movedByRead({ observed, hasMovedSession }: Ran, { map }: World): readonly Breach[] {
  const law = 'a read moves nothing'
  const found: Breach[] = []
  const note = (detail: string): number => found.push({ law, detail })
  if (observed.hasXid) note(`it took a transaction id, and wrote ${writtenNames(observed, map) || 'no row'}`)
  if (observed.hasAdvisoryLock) note('it took an advisory lock')
  if (observed.roles !== 'app_owner app_owner') note(`the roles are ${observed.roles}`)
  if (found.length === 0 && hasMovedSession)
    note('sequences, settings, notifications or what a session keeps are not as before')
  return found
}

const writtenNames = (observed: Observation, map: RelationMap): string =>
  [...observed.written].map(([oid, counts]) => `${nameOf(oid, map)} ${counts.join('/')}`).join(', ')

function nameOf(oid: number, { relations }: RelationMap): string {
  const relation = relations.get(oid)
  return relation === undefined ? String(oid) : `${relation.schema}.${relation.name}`
}

function changesLeftOut(facts: Understood, { observed }: Ran, world: World): readonly Breach[] {
  const { map } = world
  const effects = new Set(facts.uses.map(use => use.effect))
  const written = keysOf(facts.uses.filter(use => use.effect !== 'read'))
  const touched = [...[...observed.written.keys()].filter(oid => oid >= USER_OID_MIN), ...observed.refilled]
  const missing = touched.filter(oid => map.relations.has(oid) && !isCovered(oid, written, map))
  const found: Breach[] = missing.map(oid => ({
    law: 'every relation that is written is in the facts as written',
    detail: `${nameOf(oid, map)} ${observed.written.get(oid)?.join('/') ?? 'has another file'}`,
  }))
  const system = [...observed.written.keys()].filter(oid => oid < USER_OID_MIN)
  const changesSchema = ['ddl', 'dcl', 'session', 'procedural', 'maintenance'].some(effect =>
    effects.has(effect as never),
  )
  const isFilling = facts.uses.some(use => use.kind === 'statement' && use.effect === 'write')
  const schema = system.filter(oid => !LARGE_OBJECTS.has(oid) && !(effects.has('maintenance') && STATISTICS.has(oid)))
  if (schema.length > 0 && !changesSchema && !isFilling && !REFILLING.has(facts.tag))
    found.push({ law: 'what changes the schema says so', detail: `system tables ${schema.join(', ')}` })
  if (system.some(oid => LARGE_OBJECTS.has(oid)) && !effects.has('write') && !changesSchema)
    found.push({ law: 'what changes the schema says so', detail: 'large objects' })
  const hasChangedSettings = observed.settings !== null && observed.settings !== world.settings
  if (
    hasChangedSettings &&
    !['session', 'transaction', 'procedural', 'ddl'].some(effect => effects.has(effect as never))
  )
    found.push({ law: 'what changes a setting or a role says so', detail: 'settings' })
  if (observed.roles !== 'app_owner app_owner' && !effects.has('session') && !effects.has('dcl'))
    found.push({ law: 'what changes a setting or a role says so', detail: observed.roles })
  return found
}

/** The relations that uses name, as keys. */
const keysOf = (uses: readonly Use[]): ReadonlySet<string> =>
  new Set(uses.flatMap(use => (use.kind === 'relation' ? [relationKey(use.relation)] : [])))

function isCovered(oid: number, keys: ReadonlySet<string>, { relations, coveredBy }: RelationMap): boolean {
  for (const by of coveredBy.get(oid) ?? [oid]) {
    const relation = relations.get(by)
    if (relation !== undefined && keys.has(relationKey(relation))) return true
  }
  return false
}

function locksLeftOut(facts: Understood, { observed: { locked }, depends }: Ran, map: RelationMap): readonly Breach[] {
  if (!PLAIN.has(facts.tag)) return []
  const named = keysOf(facts.uses)
  const isWritten = (oid: number): boolean => locked.get(oid)?.has('RowExclusiveLock') === true
  const parents = new Set(
    [...locked.keys()].flatMap(oid => [...(map.coveredBy.get(oid) ?? [])].filter(by => by !== oid)),
  )
  // pg_get_viewdef and its kind look at what a relation is, and lock it for that.
  const looksAtSchema =
    facts.calls.some(call => call.class === 'reads-state' || /^(pg_catalog\.)?pg_/.test(call.name)) ||
    facts.uses.some(use => use.kind === 'relation' && use.relation.kind === 'catalog')
  const recorded = new Set((depends ?? []).flatMap(one => (one.kind === 'relation' ? [one.relation] : [])))
  return [...locked].flatMap(([oid, modes]) => {
    const relation = map.relations.get(oid)
    // The oracle looks into every sequence itself.
    if (relation === undefined || relation.kind === 'S' || isCovered(oid, named, map)) return []
    const isReadOnly = [...modes].every(mode => mode === 'AccessShareLock')
    if (isReadOnly && looksAtSchema && (!recorded.has(oid) || /regclass/i.test(facts.canonical))) return []
    // A partition is held against its parent's bounds.
    if (isReadOnly && relation.kind === 'p' && parents.has(oid)) return []
    // Functions that set statistics lock what these are of.
    if (!isPlainRead(facts) && modes.has('ShareUpdateExclusiveLock') && !modes.has('RowExclusiveLock')) return []
    // Foreign keys are looked after by the server itself.
    const above = [...(map.coveredBy.get(oid) ?? [])]
    const isTied = above.some(each => [...(map.tiedTo.get(each) ?? [])].some(isWritten))
    if (isTied && [...modes].every(mode => mode === 'RowShareLock' || mode === 'AccessShareLock')) return []
    return [
      { law: 'every relation that is locked is in the facts', detail: `${nameOf(oid, map)} ${[...modes].join(', ')}` },
    ]
  })
}

function recordLeftOut(facts: Understood, { depends }: Ran, map: RelationMap): readonly Breach[] {
  const columns = new Set(facts.columns.map(({ schema, name, column }) => JSON.stringify([schema, name, column])))
  const calls = new Set(facts.calls.map(({ name }) => name))
  return (depends ?? []).flatMap((dependency): readonly Breach[] => {
    if (dependency.kind === 'routine') {
      const name = map.routines.get(dependency.routine)
      const isNamed = name === undefined || calls.has(name) || calls.has(name.slice(name.indexOf('.') + 1))
      const isDone = facts.uses.some(
        use => use.via?.name === name || (use.kind === 'function' && use.function === name),
      )
      // A constant of type regproc names a function, and calls none.
      return isNamed || isDone || /regproc/i.test(facts.canonical)
        ? []
        : [{ law: 'every function that the server records is in the facts', detail: name }]
    }
    // ON CONFLICT DO UPDATE makes the server record every column, for the row called `excluded`.
    if (dependency.kind === 'column' && /\bconflict\b/i.test(facts.canonical)) return []
    // A relation as a whole may be there for a constant of type regclass alone: its lock tells whether it is read.
    const relation = dependency.kind === 'column' ? map.relations.get(dependency.relation) : undefined
    if (relation === undefined || dependency.kind === 'relation') return []
    const column = relation.columns.get(dependency.attnum) ?? ''
    return columns.has(JSON.stringify([relation.schema, relation.name, column])) ||
      columns.has(JSON.stringify([relation.schema, relation.name, '*']))
      ? []
      : [
          {
            law: 'every column that the server records is in the facts',
            detail: `${nameOf(dependency.relation, map)}.${column}`,
          },
        ]
  })
}

function outputBreaches(facts: Understood, { columns }: Ran, map: RelationMap): readonly Breach[] {
  const { outputs, copy } = facts
  // COPY describes no columns.
  if (outputs === null || copy !== null) return []
  const labels = (columns ?? []).map(({ name }) => name)
  const said = outputs.map(({ name }) => name)
  // What a function that isn't known gives may be called anything.
  if (JSON.stringify(labels) !== JSON.stringify(said) && isUnknown(facts)) return []
  if (JSON.stringify(labels) !== JSON.stringify(said))
    return [
      { law: 'the labels of a result are those in the facts', detail: `${labels.join(', ')}, not ${said.join(', ')}` },
    ]
  return (columns ?? []).flatMap(({ tableOid, attnum, name }, at): readonly Breach[] => {
    const relation = map.relations.get(tableOid)
    const column = relation?.columns.get(attnum)
    const output = outputs[at]
    if (relation === undefined || column === undefined || output === undefined || output.lineage === 'unknown')
      return []
    const isNamed = output.origins.some(
      origin => origin.schema === relation.schema && origin.name === relation.name && origin.column === column,
    )
    return isNamed
      ? []
      : [
          {
            law: 'the origin of a result column is in the facts',
            detail: `${name} is ${nameOf(tableOid, map)}.${column}`,
          },
        ]
  })
}
