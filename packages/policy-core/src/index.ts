export type {
  Catalog,
  CatalogRelation,
  CatalogRoutine,
  ColumnSource,
  Comparison,
  EventTrigger,
  Reaction,
} from './catalog.ts'
export { relationKey, USER_OID_MIN } from './catalog.ts'
export { columnPaths, type PathStep } from './column-path.ts'
export type { CompiledPolicy, DecisionRequest } from './decide.ts'
export { decide } from './decide.ts'
export type {
  ApprovalTerms,
  Decision,
  Obligations,
  Reason,
  Refusal,
  RefusalCode,
  RowRecording,
  StatementLimits,
} from './decision.ts'
export { REFUSAL_CODES } from './decision.ts'
export type {
  CloseReason,
  Completion,
  Entry,
  Measured,
  RecordedColumn,
  ServerMessage,
  SessionOpening,
} from './entry.ts'
export type { KeyPath, PolicyIssue, TextLocation } from './errors.ts'
export { formatIssue, formatIssues, formatPath, PolicyError } from './errors.ts'
export { explain, maskName, recordedName } from './explain.ts'
export type { ColumnExplanation, MaskingEntry, OriginPath } from './explain-column.ts'
export { explainColumn } from './explain-column.ts'
export type { ExplainedColumn, Explanation, NearMiss } from './explanation.ts'
export { explanationOf } from './explanation.ts'
export type {
  Access,
  Agency,
  ColumnMarks,
  ColumnMention,
  ColumnName,
  ColumnRole,
  ColumnUse,
  CopyFormat,
  Effect,
  Facts,
  FunctionCall,
  FunctionClass,
  OpaqueCode,
  Output,
  Prohibition,
  ProhibitionCode,
  RelationName,
  Use,
  UsedColumn,
  UsedRelation,
  Via,
  ViewDefinition,
} from './facts.ts'
export {
  ACCESSES,
  AGENCIES,
  COLUMN_ROLES,
  EFFECTS,
  effectsOf,
  FUNCTION_CLASSES,
  isRememberable,
  REMEMBERED_BYTES_EACH,
  weightOf,
} from './facts.ts'
export type { Circumstances } from './gate/circumstances.ts'
export type { Cleared } from './gate/cleared.ts'
export { isCleared } from './gate/cleared.ts'
export { GateError } from './gate/gate-error.ts'
export { changesCode } from './gate/in-doubt.ts'
export type { Judgement } from './gate/judge.ts'
export type { Gate, GateOptions, SessionRequest } from './gate/open-gate.ts'
export { openGate, recommendedLimits } from './gate/open-gate.ts'
export type { RowBatch } from './gate/received-rows.ts'
export type { ColumnOrigin, FramesRevelation, RawRevelation, Revelation } from './gate/reveal.ts'
export type { GateLimits, Judged, Session, Verdict } from './gate/session.ts'
export { INSIDE_TRANSACTION } from './gate/session-refusals.ts'
export type {
  Answer,
  Approver,
  CatalogSource,
  Cell,
  Classifier,
  Clock,
  Credential,
  Estimator,
  Lookup,
  MaskCopy,
  Masker,
  MaskFrames,
  Masking,
  MaskRow,
  MaskSql,
  Pending,
  PolicySource,
  Question,
  Recorder,
  ResultColumn,
  ResultPlan,
  Rewriter,
  Rewriting,
  SessionRecorder,
  Verifier,
  ViewColumns,
  Watcher,
} from './hooks.ts'
export { type CatalogKeeper, type CatalogKeeping, type CatalogProbe, keepCatalog } from './keep-catalog.ts'
export type {
  DateUnit,
  DetectedMask,
  Detector,
  DetectorPattern,
  JsonMember,
  JsonStep,
  LookupBudget,
  Mask,
  MaskedColumn,
  MaskedRelation,
  MaskKind,
  PredicateMode,
  SecretRef,
  ValueMask,
} from './mask.ts'
export { DATE_UNITS, DETECTORS, ON_MASK, PREDICATE_MODES } from './mask.ts'
export { maskedBehind } from './masked-behind.ts'
export { checkMasks } from './policy/check-masks.ts'
export { checkPolicy, checkTargets } from './policy/check-policy-on.ts'
export { compilePolicy } from './policy/compile.ts'
export { readJsonPath } from './policy/json-path.ts'
export { policySchema } from './policy/json-schema.ts'
export type { Surroundings } from './policy/match-what.ts'
export type { PolicyReading } from './policy/parse.ts'
export { parsePolicy } from './policy/parse.ts'
export { readColumnName } from './policy/pattern.ts'
export type {
  ActorCondition,
  ApprovalRequirement,
  ClaimCondition,
  Doer,
  IdentityCondition,
  LimitEntry,
  MaskEntry,
  Policy,
  RecordEntry,
  RowEstimate,
  Rule,
  TimeWindow,
  Weekday,
  What,
  When,
  Who,
} from './policy/policy.ts'
export { EVERYBODY, EVERYTHING, WEEKDAYS } from './policy/policy.ts'
export { readBytes, readDurationMs, readInstant } from './policy/quantities.ts'
export type { CompiledRule } from './policy/rule-index.ts'
export type { SchemaIssue } from './policy/schema-issues.ts'
export { issuesOf, knownKeys, suggestion } from './policy/schema-issues.ts'
export { type FindShadow, shadowFinder } from './policy/shadow.ts'
export type { CompiledMask, Standing, StatementRate } from './policy/standing.ts'
export { STATEMENT_TAGS } from './policy/statement-tags.ts'
export { strictestMask } from './policy/strictest-mask.ts'
export type { Claim, ClaimValue, Identity, Instant, Principal } from './principal.ts'
export { identityKey, isSameIdentity } from './principal.ts'
export { printable, printableName } from './printable.ts'
export type { Dialect, Parameter, Place, Statement } from './statement.ts'
export type { Target } from './target.ts'
