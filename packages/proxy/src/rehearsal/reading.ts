import type { Rewriter } from '@querywarden/policy-core'
import {
  DEFAULT_LIMITS,
  isMajor,
  type PostgresClassifier,
  postgresClassifier,
  postgresRewriter,
} from '@querywarden/sql/postgres'
import { CommandError, EXIT } from '../commands/exit.ts'
import { type SplitText, textSplitter } from '../postgres/split-text.ts'

/** What reads texts for a rehearsal, by the grammar of one server major. It remembers what it has read. */
export interface Reading {
  readonly classify: PostgresClassifier['classify']
  readonly split: SplitText
  readonly rewrite: Rewriter
}

/** @throws {CommandError} there is no grammar for the major. */
export async function openReading(major: number): Promise<Reading> {
  if (!isMajor(major)) throw new CommandError(EXIT.misuse, `there is no grammar for PostgreSQL ${major}`)
  const sql = await postgresClassifier({ majors: [major], cacheEntriesMax: REMEMBERED_MAX, limits: DEFAULT_LIMITS })
  return {
    classify: sql.classify,
    split: textSplitter(text => sql.split(text, major), { entriesMax: REMEMBERED_MAX, charsMax: 4_096 }),
    rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
  }
}

const REMEMBERED_MAX = 4_096
