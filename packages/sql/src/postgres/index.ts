export { type CatalogOptions, loadCatalog } from './catalog/load-catalog.ts'
export { readCatalog, writeCatalog } from './catalog/saved-catalog.ts'
export type { Query } from './catalog/snapshot.ts'
export { type SchemaVersion, schemaVersion } from './catalog/version.ts'
export { type ClassifierOptions, type PostgresClassifier, postgresClassifier } from './classify.ts'
export {
  type Grammar,
  isMajor,
  loadGrammar,
  MAJORS,
  type Major,
  type ParsedStatement,
  type ParseOutcome,
} from './engine.ts'
export { DEFAULT_LIMITS, type ParseLimits } from './limits.ts'
export { refusalOfWrite, type ServerError, WRITES_MASK_MARKER } from './rewrite/changes/writes-mask.ts'
export { type PromptRewriter, postgresRewriter, type RewriterOptions } from './rewrite/postgres-rewriter.ts'
export { readRowEstimate } from './row-estimate.ts'
export { type NameInText, type SessionCommand, withName } from './session-command.ts'
export { type SplitStatement, type Splitting, splitStatements } from './split.ts'
export { SqlError, type SqlErrorCode } from './sql-error.ts'
export {
  DEFAULT_THREAD_LIMITS,
  type GuardedClassifier,
  type GuardedOptions,
  guardedClassifier,
  READ_MS_HARD_MAX,
} from './threads/guarded-classifier.ts'
export type { ThreadLimits } from './threads/thread-pool.ts'
