import type {
  Claim,
  Decision,
  DecisionRequest,
  Facts,
  Identity,
  Policy,
  Rule,
  Surroundings,
  TimeWindow,
  Use,
  UsedRelation,
  What,
  When,
  Who,
} from '@querywarden/policy-core'

type Answer = Decision['kind']
type Understood = Extract<Facts, { kind: 'understood' }>
type RelationUse = Extract<Use, { kind: 'relation' }>
/** `null`: it isn't known. */
type Maybe = boolean | null

export interface ReferenceRequest extends DecisionRequest {
  readonly facts: Understood
  readonly now: number
  readonly surroundings: Surroundings
}

/**
 * The rules of deciding, said again as plainly as possible and sharing no code with what is tested: one pattern matcher
 * by regular expression, no preparation, no memory. Says nothing of masks.
 */
export function referenceAnswer(policy: Policy, request: ReferenceRequest): Answer {
  const { principal, facts } = request
  const sides: readonly Identity[] = principal.actor === null ? [principal] : [principal, principal.actor]
  const answers = facts.uses.flatMap(use => sides.map(side => answerFor(policy, side, request, use)))
  if (answers.length === 0 || answers.includes('deny')) return 'deny'
  return answers.includes('approve') ? 'approve' : 'allow'
}

function answerFor(policy: Policy, side: Identity, request: ReferenceRequest, use: Use): Answer {
  const { principal, target, now } = request
  const said = policy.rules
    .filter(rule => isAbout(rule.who, side, principal.actor))
    .filter(rule => rule.targets === null || rule.targets.some(pattern => fits(pattern, target.name)))
    .filter(rule => settle(rule, isTime(rule.when, now)))
    .filter(rule => isAboutUse(rule, use, request))
    .map(rule => rule.decision)
  if (said.includes('deny')) return 'deny'
  if (said.includes('approve')) return 'approve'
  return said.includes('allow') ? 'allow' : 'deny'
}

/** What isn't known counts against allowing. */
const settle = ({ decision }: Rule, known: Maybe): boolean => known ?? decision !== 'allow'

const isAbout = ({ groups, subjects, issuers, claims, actor }: Who, side: Identity, acting: Identity | null): boolean =>
  isLike({ groups, subjects, issuers }, side) &&
  (claims ?? []).every(({ name, values }) => valuesOf(side, name).some(value => values.some(one => one === value))) &&
  (actor === null ||
    (actor.kind === 'none' && acting === null) ||
    (actor.kind === 'any' && acting !== null) ||
    (actor.kind === 'like' && acting !== null && isLike(actor, acting)))

const isLike = ({ groups, subjects, issuers }: Pick<Who, 'groups' | 'subjects' | 'issuers'>, side: Identity): boolean =>
  (groups ?? side.groups.concat('any')).some(group => group === 'any' || side.groups.includes(group)) &&
  (subjects ?? [side.subject]).includes(side.subject) &&
  (issuers ?? [side.issuer]).includes(side.issuer)

const valuesOf = ({ claims = [] }: Identity, name: string): Claim['values'] =>
  claims.filter(claim => claim.name === name).flatMap(({ values }) => values)

function isTime(when: When | null, now: number): Maybe {
  if (when === null) return true
  if (!(now > -Infinity && now < Infinity)) return null
  return (
    now >= (when.from ?? now) &&
    now < (when.until ?? Infinity) &&
    (when.windows ?? [null]).some(window => window === null || isInWindow(window, now))
  )
}

/** By the text that a clock in that zone shows: `Monday at 08:05`. */
function isInWindow({ days, from, to, zone }: TimeWindow, now: number): boolean {
  const shown = new Date(now).toLocaleString('en-GB', {
    timeZone: zone,
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const [, name = '', hours = '', minutes = ''] = /^(\w{3})\w* (?:at )?(\d\d):(\d\d)$/.exec(shown) ?? []
  const week: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
  const today = week.indexOf(name.toLowerCase())
  const minute = Number(hours) * 60 + Number(minutes)
  const length = to > from ? to - from : to + 1_440 - from
  // Windows that began today and yesterday, in minutes since then.
  return [0, 1].some(daysAgo => {
    const since = minute + daysAgo * 1_440 - from
    const began = week[(today + 7 - daysAgo) % 7]
    return since >= 0 && since < length && (days === null || days.some(day => day === began))
  })
}

function isAboutUse(rule: Rule, use: Use, request: ReferenceRequest): boolean {
  const { what, decision } = rule
  if (what.effects === null && use.effect === 'unknown' && decision !== 'deny') return false
  if (what.effects !== null && !what.effects.includes(use.effect)) return false
  if (!isInSurroundings(rule, request.surroundings) || !isTagged(rule, use, request.facts.tag)) return false
  if (what.via !== null && !what.via.includes(use.via === undefined ? 'statement' : use.via.kind)) return false
  const relational = [what.relations, what.access, what.unbounded, what.columns].some(part => part !== null)
  if (use.kind === 'relation') return what.functions === null && isAboutRelation(rule, use, request.facts)
  if (what.functions !== null)
    return use.kind === 'function' && !relational && namesFunction(decision, what.functions, use)
  if (!relational) return true
  return decision === 'allow' && ['read', 'session', 'transaction'].includes(use.effect)
}

function isInSurroundings(rule: Rule, { inTransaction, multiStatement, estimatedRows: rows }: Surroundings): boolean {
  const { what } = rule
  const is = (wanted: boolean | null, known: Maybe): boolean =>
    wanted === null || settle(rule, known === null ? null : known === wanted)
  const { over = null, atMost = null } = what.estimatedRows ?? {}
  const isWithin = rows === null ? null : rows > (over ?? -1) && rows <= (atMost ?? Infinity)
  return (
    is(what.inTransaction, inTransaction) &&
    is(what.multiStatement, multiStatement) &&
    (what.estimatedRows === null || settle(rule, isWithin))
  )
}

function isTagged({ decision, what: { tags } }: Rule, use: Use, tag: string): boolean {
  if (tags === null) return true
  const names = [tag]
  if (use.kind === 'relation') {
    const { access } = use
    if (access === 'update' || access === 'delete') names.push(access.toUpperCase())
    if (access === 'insert' && tag !== 'COPY') names.push('INSERT')
    if (access === 'truncate') names.push('TRUNCATE TABLE')
    if (access === 'ddl' && ['SELECT', 'EXPLAIN'].includes(tag)) names.push('CREATE TABLE AS')
  }
  const isNamed = (name: string): boolean => tags.some(pattern => fits(pattern, name))
  return decision === 'allow' ? names.every(isNamed) : names.some(isNamed)
}

const isAboutRelation = ({ decision, what }: Rule, use: RelationUse, facts: Understood): boolean =>
  (what.relations === null ||
    what.relations.some(pattern => fits(pattern.replaceAll('"', ''), `${use.relation.schema}.${use.relation.name}`))) &&
  (what.access === null || what.access.includes(use.access)) &&
  (what.unbounded === null || what.unbounded === use.unbounded) &&
  (what.columns === null || isAboutColumns(decision, what.columns, use, facts))

function isAboutColumns(
  decision: Rule['decision'],
  patterns: NonNullable<What['columns']>,
  use: RelationUse,
  facts: Understood,
): boolean {
  const { relation } = use
  const isNamed = (column: string): boolean =>
    patterns.some(pattern => fits(pattern, `${relation.schema}.${relation.name}.${column}`))
  const isShown = (column: string): boolean =>
    isNamed(column) ||
    relation.columns
      .filter(({ name }) => name === column)
      .some(({ origins }) =>
        origins.some(origin => patterns.some(one => fits(one, `${origin.schema}.${origin.name}.${origin.column}`))),
      )
  const touched = touchedColumns(use, facts) ?? relation.columns.map(({ name }) => name)
  // Code that changes rows may touch any column, whichever are known.
  if (use.via !== undefined && use.access !== 'select' && use.access !== 'copy') {
    const isAnyOfIt = (pattern: string): boolean =>
      fits(`${pattern.split('.').slice(0, -1).join('.')}.*`, `${relation.schema}.${relation.name}.any`)
    return decision === 'allow' ? isNamed('what nothing but * fits') : touched.some(isShown) || patterns.some(isAnyOfIt)
  }
  return decision === 'allow' ? touched.every(isNamed) : touched.some(isShown)
}

/** The columns that a use touches, or null for all there are. */
function touchedColumns({ access, relation, via }: RelationUse, facts: Understood): readonly string[] | null {
  const reads = access === 'select' || access === 'copy'
  const writes = access === 'insert' || access === 'update'
  if (via !== undefined || (!reads && !writes)) return null
  const own = facts.columns.filter(one => isSame(one, relation))
  const targets = own.filter(({ role }) => role === 'target')
  const others = own.filter(({ role }) => role !== 'target')
  if (writes && targets.length === 0) return null
  const hasReader = facts.uses.some(
    one =>
      one.kind === 'relation' &&
      one.via === undefined &&
      (one.access === 'select' || one.access === 'copy') &&
      isSame(one.relation, relation),
  )
  const touched = reads ? others : hasReader ? targets : own
  if (touched.some(({ column }) => column === '*')) return null
  if (touched.length === 0 && (facts.outputs ?? [{ lineage: 'unknown' }]).some(({ lineage }) => lineage === 'unknown'))
    return null
  return touched.map(({ column }) => column)
}

const isSame = (a: Pick<UsedRelation, 'schema' | 'name'>, b: Pick<UsedRelation, 'schema' | 'name'>): boolean =>
  a.schema === b.schema && a.name === b.name

/** A function without a schema could be any of its name, which only a deny may assume. */
const namesFunction = (
  decision: Rule['decision'],
  patterns: readonly string[],
  use: Extract<Use, { kind: 'function' }>,
): boolean =>
  patterns.some(pattern =>
    use.function.includes('.')
      ? fits(pattern, use.function)
      : decision === 'deny' && fits(pattern.slice(pattern.indexOf('.') + 1), use.function),
  )

const fits = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's').test(name)
