export type { Catalog, CatalogRelation } from './catalog.ts'
export { relationKey } from './catalog.ts'
export type {
  ApprovalTerms,
  Decision,
  Obligations,
  Reason,
  Refusal,
  RefusalCode,
  StatementLimits,
} from './decision.ts'
export { REFUSAL_CODES } from './decision.ts'
export type { CloseReason, Completion, Entry, SessionOpening } from './entry.ts'
export type {
  Access,
  ColumnMention,
  ColumnName,
  Effect,
  Facts,
  OpaqueCode,
  Prohibition,
  ProhibitionCode,
  RelationName,
  Use,
  UsedColumn,
  UsedRelation,
} from './facts.ts'
export { ACCESSES, EFFECTS, effectsOf } from './facts.ts'
export type {
  Answer,
  Approver,
  CatalogSource,
  Cell,
  Classifier,
  Clock,
  Credential,
  Masker,
  Masking,
  MaskRow,
  MaskSql,
  Pending,
  Question,
  Recorder,
  ResultColumn,
  ResultPlan,
  Rewriter,
  Rewriting,
  SessionRecorder,
  Verifier,
} from './hooks.ts'
export type {
  DateUnit,
  DetectedMask,
  Detector,
  Mask,
  MaskedColumn,
  MaskedRelation,
  MaskKind,
  SecretRef,
} from './mask.ts'
export { DATE_UNITS, DETECTORS } from './mask.ts'
export type { ApprovalRequirement, LimitEntry, MaskEntry, Policy, Rule, What, Who } from './policy/policy.ts'
export type { Identity, Instant, Principal } from './principal.ts'
export { identityKey, isSameIdentity } from './principal.ts'
export type { Dialect, Parameter, Place, Statement } from './statement.ts'
export type { Target } from './target.ts'
