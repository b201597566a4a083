import type { Query } from './snapshot.ts'

/** What the server is to deparse. */
export type TextKind =
  | 'body'
  | 'default'
  | 'type default'
  | 'check'
  | 'using'
  | 'with check'
  | 'index'
  | 'predicate'
  | 'partition'
  | 'statistics'
  | 'trigger'
  | 'rule'
  | 'view'

export interface TextKey {
  readonly kind: TextKind
  readonly oid: string
}

/** What is longer is a program of its own, and isn't put into statements. */
const VIEW_CHARS_MAX = 65_536

/** How each is had; `x` is its number. */
const TEXTS: Readonly<Record<TextKind, string>> = {
  body: 'pg_get_function_sqlbody(x)',
  default: '(select pg_get_expr(adbin, adrelid) from pg_attrdef where oid = x)',
  'type default': '(select pg_get_expr(typdefaultbin, 0) from pg_type where oid = x)',
  check: '(select pg_get_expr(conbin, conrelid) from pg_constraint where oid = x)',
  using: '(select pg_get_expr(polqual, polrelid) from pg_policy where oid = x)',
  'with check': '(select pg_get_expr(polwithcheck, polrelid) from pg_policy where oid = x)',
  index: '(select pg_get_expr(indexprs, indrelid) from pg_index where indexrelid = x)',
  predicate: '(select pg_get_expr(indpred, indrelid) from pg_index where indexrelid = x)',
  partition: '(select pg_get_expr(partexprs, partrelid) from pg_partitioned_table where partrelid = x)',
  statistics: '(select pg_get_expr(stxexprs, stxrelid) from pg_statistic_ext where oid = x)',
  trigger: 'pg_get_triggerdef(x)',
  rule: 'pg_get_ruledef(x)',
  view: `(select case when length(t) <= ${VIEW_CHARS_MAX} then t end from pg_get_viewdef(x) as t)`,
}

/** Kind, number and text of what was deparsed. `isPartial`: another session held something that was asked for. */
export interface Texts {
  readonly rows: readonly (readonly string[])[]
  readonly isPartial: boolean
}

/** How long deparsing waits for a relation that another session is changing. */
const WAIT_MS = 50
/** After so many failures nothing else is asked for: the schema is being rebuilt. One object costs some ten of them. */
const FAILURES_MAX = 60
/** Texts that are asked for at once. One that can't be had is then looked for by halves. */
const TOGETHER_MAX = 1_000

/**
 * Kind, number and text of each. Deparsing looks at the schema of the moment, not at the snapshot, and on some majors it
 * waits for locks: what can't be had soon is an empty text.
 */
export async function readTexts(query: Query, keys: readonly TextKey[]): Promise<Texts> {
  const kinds = [...new Set(keys.map(({ kind }) => kind))]
  const rows: (readonly string[])[] = []
  let failures = 0
  const ask = async (kind: TextKind, oids: readonly string[]): Promise<void> => {
    const found = failures < FAILURES_MAX ? await attempt(query, kind, oids) : null
    if (found !== null) {
      rows.push(...found)
      return
    }
    failures += 1
    if (failures >= FAILURES_MAX || oids.length <= 1) {
      for (const oid of oids) rows.push([kind, oid, ''])
      return
    }
    const half = Math.ceil(oids.length / 2)
    await ask(kind, oids.slice(0, half))
    await ask(kind, oids.slice(half))
  }
  for (const kind of kinds) {
    const oids = keys.filter(key => key.kind === kind).map(({ oid }) => oid)
    for (let at = 0; at < oids.length; at += TOGETHER_MAX) await ask(kind, oids.slice(at, at + TOGETHER_MAX))
  }
  return { rows, isPartial: failures > 0 }
}

async function attempt(
  query: Query,
  kind: TextKind,
  oids: readonly string[],
): Promise<readonly (readonly string[])[] | null> {
  await query('SAVEPOINT deparsing')
  try {
    await query(`SET LOCAL lock_timeout = ${WAIT_MS}`)
    const rows = await query(
      `select x::text, coalesce(${TEXTS[kind]}, '') from unnest('{${oids.join()}}'::oid[]) as u (x) order by x`,
    )
    await query('RELEASE SAVEPOINT deparsing')
    return rows.map(([oid, text]) => [kind, oid ?? '', text ?? ''])
  } catch {
    // A connection that is gone fails here again, and that is told.
    await query('ROLLBACK TO SAVEPOINT deparsing')
    return null
  }
}
