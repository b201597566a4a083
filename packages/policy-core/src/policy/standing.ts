import type { RowRecording, StatementLimits } from '../decision.ts'
import type { UsedColumn, UsedRelation } from '../facts.ts'
import {
  DETECTORS,
  type DetectedMask,
  type Mask,
  type MaskedColumn,
  PREDICATE_MODES,
  type PredicateMode,
} from '../mask.ts'
import type { Identity, Principal } from '../principal.ts'
import { coversColumn, coversItself, type MaskCover } from './mask-cover.ts'
import { matchesTarget, matchesWho } from './match-who.ts'
import { mostRecorded } from './most-recorded.ts'
import type { LimitEntry, MaskEntry, RecordEntry, What } from './policy.ts'
import type { Moment } from './rule-clock.ts'
import type { CompiledRule, RuleIndex } from './rule-index.ts'
import { strictestMask } from './strictest-mask.ts'

/** A mask entry with its patterns prepared. */
export interface CompiledMask {
  readonly entry: MaskEntry
  /** Its position in the policy. */
  readonly index: number
  readonly cover: MaskCover
}

/** What a policy holds for one principal on one target. */
export interface Standing {
  /** The rules about the principal, and those about its actor where it has one. Each side must allow. */
  readonly sides: readonly RuleIndex[]
  /** How often each of the sides may ask. */
  readonly rates: readonly StatementRate[]
  /** Where the answer can depend on the planner's estimate, the numbers of rows at which it may change. */
  readonly estimateEdges: readonly number[]
  readonly asksForTransaction: boolean
  readonly asksForMultiStatement: boolean
  readonly asksForColumns: boolean
  readonly detect: readonly DetectedMask[]
  readonly limits: StatementLimits
  /** How much of the rows that are received is recorded; null where nothing is. */
  readonly rows: RowRecording | null
  /** The entries that hold for either side. */
  readonly masks: readonly CompiledMask[]
  /** The columns of a relation that are only seen through a mask. */
  readonly maskedColumns: (relation: UsedRelation) => readonly MaskedColumn[]
  /** Those that are masked by their own name, tags or type, whatever base columns they are made of. */
  readonly ownMasks: (relation: UsedRelation) => readonly MaskedColumn[]
}

/** How many statements somebody may send to a target. Counted over all sessions. */
export interface StatementRate {
  readonly of: Identity
  readonly perMinuteMax: number | null
  readonly perDayMax: number | null
}

/** What a policy is made of once its patterns are prepared. */
export interface PolicyParts {
  readonly rules: readonly CompiledRule[]
  readonly masks: readonly CompiledMask[]
  readonly limits: readonly LimitEntry[]
  readonly record: readonly RecordEntry[]
  /** An index of some of the rules; the same one for the same rules, as far as is remembered. */
  readonly indexOf: (rules: readonly CompiledRule[]) => RuleIndex
}

/** Picks what concerns a principal on a target at some time. What hides, limits or records for either side holds for both. */
export function standingOf(parts: PolicyParts, principal: Principal, targetName: string, moment: Moment): Standing {
  const identities: readonly Identity[] = principal.actor === null ? [principal] : [principal, principal.actor]
  const masks = parts.masks.filter(
    ({ entry }) =>
      matchesTarget(entry.targets, targetName) &&
      identities.some(identity => isMaskedFor(entry, identity, principal.actor)),
  )
  const limitsOn = parts.limits.filter(({ targets }) => matchesTarget(targets, targetName))
  const limitsOf = (identity: Identity): readonly LimitEntry[] =>
    limitsOn.filter(({ who }) => matchesWho(who, identity, principal.actor))
  const limits = identities.flatMap(limitsOf)
  const sides = identities.map(identity => rulesFor(parts, identity, principal.actor, targetName, moment))
  const whats = sides.flatMap(rules => rules.map(({ rule }) => rule.what))
  return {
    sides: sides.map(parts.indexOf),
    rates: identities.flatMap(identity => rateOf(identity, limitsOf(identity))),
    estimateEdges: edgesOf(whats),
    asksForTransaction: whats.some(({ inTransaction }) => inTransaction !== null),
    asksForMultiStatement: whats.some(({ multiStatement }) => multiStatement !== null),
    asksForColumns:
      whats.some(({ columns }) => columns !== null) || masks.some(({ entry }) => entry.predicates === 'deny'),
    detect: detectedMasks(masks),
    masks,
    limits: {
      rowsMax: smallest(limits.map(({ rowsMax }) => rowsMax)),
      bytesMax: smallest(limits.map(({ bytesMax }) => bytesMax)),
      timeMsMax: smallest(limits.map(({ timeMsMax }) => timeMsMax)),
    },
    rows: mostRecorded(
      parts.record
        .filter(
          ({ who, targets }) =>
            matchesTarget(targets, targetName) &&
            identities.some(identity => matchesWho(who, identity, principal.actor)),
        )
        .map(({ rows }) => rows),
    ),
    maskedColumns: rememberingColumns((relation, column) =>
      maskedColumn(
        masks.filter(({ cover }) => coversColumn(cover, relation, column)),
        relation,
        column,
      ),
    ),
    ownMasks: rememberingColumns((relation, column) =>
      maskedColumn(
        masks.filter(({ cover }) => coversItself(cover, relation, column)),
        relation,
        column,
      ),
    ),
  }
}

/** The same list each time for a relation: what is made of it is known again by it. */
function rememberingColumns(
  masksOf: (relation: UsedRelation, column: UsedColumn) => readonly MaskedColumn[],
): Standing['maskedColumns'] {
  const known = new WeakMap<UsedRelation, readonly MaskedColumn[]>()
  return relation => {
    const columns = known.get(relation) ?? relation.columns.flatMap(column => masksOf(relation, column))
    known.set(relation, columns)
    return columns
  }
}

const rulesFor = (
  { rules }: PolicyParts,
  identity: Identity,
  actor: Identity | null,
  targetName: string,
  moment: Moment,
): readonly CompiledRule[] =>
  rules.filter(
    ({ rule }) =>
      moment.holds(rule) && matchesTarget(rule.targets, targetName) && matchesWho(rule.who, identity, actor),
  )

function rateOf(of: Identity, limits: readonly LimitEntry[]): readonly StatementRate[] {
  const perMinuteMax = smallest(limits.map(({ statementsPerMinuteMax }) => statementsPerMinuteMax))
  const perDayMax = smallest(limits.map(({ statementsPerDayMax }) => statementsPerDayMax))
  return perMinuteMax === null && perDayMax === null ? [] : [{ of, perMinuteMax, perDayMax }]
}

/** No estimate between two of these is told from another by any rule. */
function edgesOf(whats: readonly What[]): readonly number[] {
  const edges = new Set<number>()
  for (const { estimatedRows } of whats) {
    if (estimatedRows === null) continue
    edges.add(0)
    for (const edge of [estimatedRows.over, estimatedRows.atMost]) if (edge !== null) edges.add(edge + 1)
  }
  return [...edges]
}

const isMaskedFor = ({ who, unless }: MaskEntry, identity: Identity, actor: Identity | null): boolean =>
  (who === null || matchesWho(who, identity, actor)) && !(unless !== null && matchesWho(unless, identity, actor))

const smallest = (values: readonly (number | null)[]): number | null => {
  const given = values.filter(value => value !== null)
  return given.length === 0 ? null : Math.min(...given)
}

/** Each detector once, with the strictest of its masks: the built-in ones in their order, then patterns in the policy's. */
function detectedMasks(masks: readonly CompiledMask[]): readonly DetectedMask[] {
  const entries = masks.map(({ entry }) => entry).filter(entry => entry.kind === 'detect')
  const builtIn = DETECTORS.flatMap(detector => {
    const mask = strictestMask(entries.filter(({ detectors }) => detectors.includes(detector)).map(entry => entry.mask))
    return mask === null ? [] : [{ detector, mask }]
  })
  const patterns = new Map<string, { readonly detector: string; readonly pattern: string; readonly mask: Mask }>()
  for (const entry of entries) {
    for (const { name, pattern } of entry.patterns ?? []) {
      const key = JSON.stringify([name, pattern])
      const other = patterns.get(key)?.mask
      const mask = strictestMask(other === undefined ? [entry.mask] : [other, entry.mask]) ?? entry.mask
      patterns.set(key, { detector: name, pattern, mask })
    }
  }
  return [...builtIn, ...patterns.values()]
}

/** A column by the masks that are on it. */
function maskedColumn(
  covering: readonly CompiledMask[],
  relation: UsedRelation,
  column: UsedColumn,
): readonly MaskedColumn[] {
  const mask = strictestMask(
    covering.map(({ entry, cover }) => (isOnSameValue(cover, relation, column) ? entry.mask : ofOrigin(entry.mask))),
  )
  if (mask === null) return []
  const lookups = {
    perMinuteMax: smallest(covering.map(({ entry }) => entry.lookups.perMinuteMax)),
    perDayMax: smallest(covering.map(({ entry }) => entry.lookups.perDayMax)),
  }
  return [{ column, mask, predicates: predicatesOf(covering, mask), lookups, entry: decidingEntry(covering, mask) }]
}

/** Whether a mask is on the value itself: of this column, or of the one that a family inherits it from. */
const isOnSameValue = (cover: MaskCover, relation: UsedRelation, column: UsedColumn): boolean =>
  coversItself(cover, relation, column) ||
  (relation.kind !== 'derived' &&
    column.origins.some(
      origin => origin.column === column.name && cover.names([origin.schema, origin.name, origin.column]),
    ))

/** Paths lead through the origin's own value alone: what is made of it may be a part of it, and then they lead nowhere. */
const ofOrigin = (mask: Mask): Mask => (mask.kind === 'json' ? { kind: 'redact' } : mask)

/** The strictest of them. Where another mask than a hash came out, there is nothing to compare by. */
function predicatesOf(covering: readonly CompiledMask[], winner: Mask): PredicateMode {
  const asked = new Set(covering.map(({ entry }) => entry.predicates))
  const strictest = PREDICATE_MODES.find(mode => asked.has(mode)) ?? 'deny'
  return strictest === 'equality' && winner.kind !== 'hash' ? 'on-mask' : strictest
}

/** The first entry of the kind that won; where two of a kind made it a redaction, the first of all. */
const decidingEntry = (covering: readonly CompiledMask[], winner: Mask): number =>
  (covering.find(({ entry }) => entry.mask.kind === winner.kind) ?? covering[0])?.index ?? 0
