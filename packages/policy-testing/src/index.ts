export type { Understood } from './arbitraries/facts.ts'
export { facts, opaqueFacts, understoodFacts, uses } from './arbitraries/facts.ts'
export { hostileTexts } from './arbitraries/hostile-texts.ts'
export { WORLD } from './arbitraries/names.ts'
export {
  limitEntries,
  maskEntries,
  masks,
  policies,
  recordEntries,
  rules,
  whats,
  whens,
  whos,
} from './arbitraries/policies.ts'
export { asItself, identities, principals, targets } from './arbitraries/principals.ts'
export { catalogOf, columnNames, relations } from './arbitraries/relations.ts'
export type { Verb, WrittenColumn, WrittenStatement, WrittenUse } from './arbitraries/statements/written-statement.ts'
export type { StatementOptions } from './arbitraries/statements.ts'
export { statements } from './arbitraries/statements.ts'
export { clockReadings, instants, surroundings } from './arbitraries/surroundings.ts'
export type { AlwaysMasked } from './invariants/always-masks.ts'
export { alwaysMasks } from './invariants/always-masks.ts'
export type { RuleLife } from './invariants/dead-rules.ts'
export { livesOfRules, noDeadRules } from './invariants/dead-rules.ts'
export type { Engine } from './invariants/engine.ts'
export { equivalent } from './invariants/equivalent.ts'
export type { Counterexample, Finding, Invariant, SearchRuns } from './invariants/invariant.ts'
export { check, InvariantError } from './invariants/invariant.ts'
export type { MonotoneOptions } from './invariants/monotone.ts'
export { monotone } from './invariants/monotone.ts'
export type { NeverAllowed } from './invariants/never-allows.ts'
export { neverAllows } from './invariants/never-allows.ts'
export type { ApprovalRequired } from './invariants/requires-approval.ts'
export { requiresApproval } from './invariants/requires-approval.ts'
export type { Selection } from './invariants/selection.ts'
export type { Asker, Situation } from './invariants/situations.ts'
export type { ApproverUnderTest } from './laws/approver-laws.ts'
export { approverLaws } from './laws/approver-laws.ts'
export { classifierLaws } from './laws/classifier-laws.ts'
export type { Decide } from './laws/decision-laws.ts'
export { decisionLaws } from './laws/decision-laws.ts'
export type { Law, Runs } from './laws/law.ts'
export { maskerLaws } from './laws/masker-laws.ts'
export { recorderLaws } from './laws/recorder-laws.ts'
export type { VerifierUnderTest } from './laws/verifier-laws.ts'
export { verifierLaws } from './laws/verifier-laws.ts'
