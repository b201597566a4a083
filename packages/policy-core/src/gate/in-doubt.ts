import type { Effect, Facts, Use } from '../facts.ts'

/**
 * DDL that makes or changes nothing which other statements run or read through: what it made isn't in the catalog, and
 * counts as unknown there. Any other may have put a new body behind a known name: of a function, a view, a trigger.
 */
const PLAIN_TAGS: ReadonlySet<string> = new Set([
  'ALTER INDEX',
  'ALTER SEQUENCE',
  'ALTER TABLE',
  'ANALYZE',
  'CLUSTER',
  'COMMENT',
  'CREATE INDEX',
  'CREATE SCHEMA',
  'CREATE SEQUENCE',
  'CREATE STATISTICS',
  'CREATE TABLE',
  'CREATE TABLE AS',
  'REFRESH MATERIALIZED VIEW',
  'REINDEX',
  'SELECT INTO',
  'TRUNCATE TABLE',
  'VACUUM',
])

/**
 * Whether after this statement, until its transaction has ended, the catalog may be wrong about what code and views do, or
 * about what is found by a name. What code of the database defines may be anything.
 * ALTER TABLE doesn't touch a relation that has masked columns for the one who asks: that is refused anyway.
 *
 * @example
 * if (changesCode(cleared.facts)) circumstances = { ...circumstances, codeInDoubt: true }
 */
export const changesCode = ({
  tag,
  uses,
  takesName,
}: Pick<Extract<Facts, { kind: 'understood' }>, 'tag' | 'uses' | 'takesName'>): boolean =>
  takesName === true || uses.some(use => use.effect === 'ddl' && (use.via !== undefined || !isPlain(tag)))

const isPlain = (tag: string): boolean => PLAIN_TAGS.has(tag) || tag.startsWith('DROP ')

/** What runs nothing and reads nothing: the transaction goes on, more is declared, it ends. */
const DECLARING: ReadonlySet<Effect> = new Set(['transaction', 'session', 'ddl', 'dcl'])

const WHY = 'code or a view was changed in this transaction, and is not known before that has ended'

/** The same facts, and that what the statement does isn't known, unless it runs no code and reads nothing. */
export function inDoubt(facts: Facts): Facts {
  if (facts.kind === 'opaque') return facts
  const { uses, calls, outputs } = facts
  if (calls.length === 0 && outputs === null && uses.every(({ effect }) => DECLARING.has(effect))) return facts
  const [first] = uses
  const doubt: Use = { kind: 'statement', effect: 'unknown', why: WHY, place: first?.place ?? START }
  return { ...facts, uses: [...uses, doubt] }
}

const START = { start: 0, end: 0 }
