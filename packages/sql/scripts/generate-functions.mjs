// Writes src/postgres/generated/built-ins.ts from pg_proc of running servers of every supported major.
// Usage: node packages/sql/scripts/generate-functions.mjs postgres://…/postgres (one URL a major)
import { writeFileSync } from 'node:fs'
import pg from 'pg'

// Only overloads that SQL can call: nothing that takes or gives `internal` or `cstring`, no handlers, no triggers.
const QUERY = `
select p.proname as name,
       bool_and(p.provolatile = 'i' and (p.prokind <> 'f' or l.lanname in ('internal', 'sql'))) as immutable,
       bool_or(p.prokind = 'f' and p.pronargs - p.pronargdefaults <= 1 and p.pronargs >= 1) as one_argument
from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
where p.pronamespace = 'pg_catalog'::regnamespace
  and p.prokind in ('f', 'a', 'w')
  and not exists (
    select from unnest(p.proargtypes::oid[] || p.prorettype) t join pg_catalog.pg_type y on y.oid = t
    where y.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
                        'index_am_handler', 'table_am_handler', 'tsm_handler'))
group by 1`

// The system relations, so that a name which isn't allow-listed is known to be one of them.
const RELATIONS = `
select n.nspname as schema, c.relname as name
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v')`

const immutable = new Map()
const oneArgument = new Set()
const relations = new Set()
for (const url of process.argv.slice(2)) {
  const client = new pg.Client(url)
  await client.connect()
  for (const row of (await client.query(QUERY)).rows) {
    immutable.set(row.name, row.immutable && (immutable.get(row.name) ?? true))
    if (row.one_argument) oneArgument.add(row.name)
  }
  for (const row of (await client.query(RELATIONS)).rows) relations.add(`${row.schema}.${row.name}`)
  await client.end()
}

const words = names => {
  const lines = ['']
  for (const name of [...names].sort()) {
    if (`${lines.at(-1)} ${name}`.length > 112) lines.push('')
    lines.push(`${lines.pop()} ${name}`)
  }
  return lines.map(line => `  ${line.trim()}`).join('\n')
}

const names = [...immutable.keys()]
const pure = names.filter(name => immutable.get(name))
const rest = names.filter(name => !immutable.get(name) && oneArgument.has(name))
const file = `// Made by scripts/generate-functions.mjs from pg_proc and pg_class of PostgreSQL 15 to 18. Not for editing.

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\\s+/))

/** Built-in functions whose every overload that SQL can call is immutable, in every supported major. */
export const IMMUTABLE_FUNCTIONS: ReadonlySet<string> = words(\`
${words(pure)}
\`)

/** The other built-in functions that can be called with one argument, and so be written like a field: \`(x).nextval\`. */
export const FIELD_LIKE_FUNCTIONS: ReadonlySet<string> = words(\`
${words(rest)}
\`)

/** Every table and view of pg_catalog and information_schema, in any supported major. */
export const SYSTEM_RELATIONS: ReadonlySet<string> = words(\`
${words(relations)}
\`)
`
writeFileSync(new URL('../src/postgres/generated/built-ins.ts', import.meta.url), file)
