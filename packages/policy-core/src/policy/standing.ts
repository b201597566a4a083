import type { StatementLimits } from '../decision.ts'
import type { Use, UsedColumn, UsedRelation } from '../facts.ts'
import { DETECTORS, type DetectedMask, type Mask, type MaskedColumn } from '../mask.ts'
import type { Identity, Principal } from '../principal.ts'
import { matchesTarget, matchesWho } from './match.ts'
import type { Pattern } from './pattern.ts'
import type { LimitEntry, MaskEntry, Rule } from './policy.ts'
import { strictestMask } from './strictest-mask.ts'

/** A rule with its conditions prepared. */
export interface CompiledRule {
  readonly rule: Rule
  readonly matches: (use: Use) => boolean
}

/** A mask entry with its column patterns prepared. */
export interface CompiledMask {
  readonly entry: MaskEntry
  /** Its position in the policy. */
  readonly index: number
  readonly columns: readonly Pattern[]
}

/** What a policy holds for one principal on one target. */
export interface Standing {
  /** The rules about the principal, and those about its actor where it has one. Each side must allow. */
  readonly sides: readonly (readonly CompiledRule[])[]
  readonly detect: readonly DetectedMask[]
  readonly limits: StatementLimits
  /** The columns of a relation that are only seen through a mask. */
  readonly maskedColumns: (relation: UsedRelation) => readonly MaskedColumn[]
}

/** What a policy is made of once its patterns are prepared. */
export interface PolicyParts {
  readonly rules: readonly CompiledRule[]
  readonly masks: readonly CompiledMask[]
  readonly limits: readonly LimitEntry[]
}

/** Picks what concerns a principal on a target. What hides or limits for either side holds for both. */
export function standingOf(parts: PolicyParts, principal: Principal, targetName: string): Standing {
  const identities: readonly Identity[] = principal.actor === null ? [principal] : [principal, principal.actor]
  const masks = parts.masks.filter(
    ({ entry }) =>
      matchesTarget(entry.targets, targetName) && identities.some(identity => isMaskedFor(entry, identity)),
  )
  const limits = parts.limits.filter(
    ({ who, targets }) => matchesTarget(targets, targetName) && identities.some(identity => matchesWho(who, identity)),
  )
  const known = new WeakMap<UsedRelation, readonly MaskedColumn[]>()
  return {
    sides: identities.map(identity =>
      parts.rules.filter(({ rule }) => matchesTarget(rule.targets, targetName) && matchesWho(rule.who, identity)),
    ),
    detect: detectedMasks(masks),
    limits: {
      rowsMax: smallest(limits.map(({ rowsMax }) => rowsMax)),
      bytesMax: smallest(limits.map(({ bytesMax }) => bytesMax)),
      timeMsMax: smallest(limits.map(({ timeMsMax }) => timeMsMax)),
    },
    maskedColumns: relation => {
      const columns = known.get(relation) ?? relation.columns.flatMap(column => maskedColumn(masks, relation, column))
      known.set(relation, columns)
      return columns
    },
  }
}

const isMaskedFor = ({ who, unless }: MaskEntry, identity: Identity): boolean =>
  (who === null || matchesWho(who, identity)) && !(unless !== null && matchesWho(unless, identity))

const smallest = (values: readonly (number | null)[]): number | null => {
  const given = values.filter(value => value !== null)
  return given.length === 0 ? null : Math.min(...given)
}

const detectedMasks = (masks: readonly CompiledMask[]): readonly DetectedMask[] =>
  DETECTORS.flatMap(detector => {
    const mask = strictestMask(
      masks.flatMap(({ entry }) => (entry.kind === 'detect' && entry.detectors.includes(detector) ? [entry.mask] : [])),
    )
    return mask === null ? [] : [{ detector, mask }]
  })

function maskedColumn(
  masks: readonly CompiledMask[],
  relation: UsedRelation,
  column: UsedColumn,
): readonly MaskedColumn[] {
  const names = [
    [relation.schema, relation.name, column.name],
    ...column.origins.map(origin => [origin.schema, origin.name, origin.column]),
  ]
  const covering = masks.filter(({ columns }) => columns.some(({ matches }) => names.some(matches)))
  const mask = strictestMask(covering.map(({ entry }) => entry.mask))
  return mask === null ? [] : [{ column, mask, entry: decidingEntry(covering, mask) }]
}

/** The first entry of the kind that won; where two of a kind made it a redaction, the first of all. */
const decidingEntry = (covering: readonly CompiledMask[], winner: Mask): number =>
  (covering.find(({ entry }) => entry.mask.kind === winner.kind) ?? covering[0])?.index ?? 0
