export type { BenignCase, Canaries, LeakCase, Role } from './attacks/corpus-case.ts'
export {
  corpusFile,
  readBenignCases,
  readCanaries,
  readLeakCases,
  readMoreBenignCases,
  readMoreLeakCases,
  readSchema,
} from './attacks/corpus-case.ts'
export type { DirectServer } from './attacks/corpus-database.ts'
export { CorpusDatabase, DIRECT_USERS, SERVER_SETTINGS } from './attacks/corpus-database.ts'
export type { Login } from './attacks/raw-connection.ts'
export { RawConnection } from './attacks/raw-connection.ts'
export type { BenignCorpusOptions, BenignRun } from './attacks/run-benign-corpus.ts'
export { runBenignCorpus } from './attacks/run-benign-corpus.ts'
export type { CaseRun, CaseVerdict, LeakCorpusOptions } from './attacks/run-leak-corpus.ts'
export { runLeakCorpus } from './attacks/run-leak-corpus.ts'
export type { CategoryScore, Score } from './attacks/score.ts'
export { beyond, byCategory, scoreOf, tableOf, verdictsOf } from './attacks/score.ts'
