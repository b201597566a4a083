import type { Rewriter } from '@querywarden/policy-core'
import {
  DEFAULT_LIMITS,
  isMajor,
  type PostgresClassifier,
  postgresClassifier,
  postgresRewriter,
  type SplitStatement,
} from '@querywarden/sql/postgres'
import { CommandError, EXIT } from '../commands/exit.ts'

/** What reads texts for a rehearsal, by the grammar of one server major. It remembers what it has read. */
export interface Reading {
  readonly classify: PostgresClassifier['classify']
  /** A text's statements, or null where it can't be read: the gate then says why. */
  readonly split: (text: string) => readonly SplitStatement[] | null
  readonly rewrite: Rewriter
}

/** @throws {CommandError} there is no grammar for the major. */
export async function openReading(major: number): Promise<Reading> {
  if (!isMajor(major)) throw new CommandError(EXIT.misuse, `there is no grammar for PostgreSQL ${major}`)
  const sql = await postgresClassifier({ majors: [major], cacheEntriesMax: REMEMBERED_MAX, limits: DEFAULT_LIMITS })
  return {
    classify: sql.classify,
    split: text => {
      const splitting = sql.split(text, major)
      return splitting.kind === 'split' ? splitting.statements : null
    },
    rewrite: postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS }),
  }
}

const REMEMBERED_MAX = 4_096
