import type { Random } from '../random.ts'
import { anyCall, condition, type Draw, expression, type Range, spelled } from './expressions.ts'
import { queryOf, relationSql, withOf } from './queries.ts'
import { type KnownRelation, literalOf, type Vocabulary } from './vocabulary.ts'

const DEPTH = 2

/** A statement over the world's relations and functions: valid more often than not. */
export function generateStatement(words: Vocabulary, random: Random): string {
  const draw: Draw = { words, random, query: (ranges, depth) => queryOf(draw, ranges, depth) }
  const choice = random.below(20)
  if (choice < 11) return queryOf(draw, [], DEPTH)
  if (choice < 13) return `select ${anyCall(draw, [])}`
  if (choice < 17) return withChange(draw)
  if (choice < 18) return wrapped(draw, random.oneIn(2) ? queryOf(draw, [], 1) : changeOf(draw, false))
  return commandOf(draw)
}

function withChange(draw: Draw): string {
  if (!draw.random.oneIn(3)) return changeOf(draw, draw.random.oneIn(3))
  const { prefix, names } = withOf(draw, 1, [], () => changeOf(draw, true))
  return `${prefix}${draw.random.oneIn(2) ? queryOf(draw, [], 1, names) : changeOf(draw, false)}`
}

const rangeOf = (relation: KnownRelation): Range => ({ name: relation.name, columns: relation.columns, relation })

function returning(draw: Draw, relation: KnownRelation, isSure: boolean): string {
  if (!isSure && !draw.random.oneIn(3)) return ''
  return ` returning ${draw.random.pick(['*', expression(draw, [rangeOf(relation)], 1), relation.columns[0]?.name ?? '*'])}`
}

function changeOf(draw: Draw, isReturning: boolean): string {
  const { random, words } = draw
  const relation = random.pick(words.relations)
  const target = relationSql(draw, relation)
  const back = returning(draw, relation, isReturning)
  const where = random.oneIn(4) ? '' : ` where ${condition(draw, [rangeOf(relation)], 1)}`
  const assigned = (): string => {
    const { name, type } = random.pick(relation.columns)
    return `${spelled(name, random)} = ${random.pick([literalOf(type, random), expression(draw, [rangeOf(relation)], 1), 'default', name])}`
  }
  switch (random.below(isReturning ? 6 : 8)) {
    case 0:
    case 1:
      return insertOf(draw, relation, target.replace(/^only /, ''), back)
    case 2:
    case 3:
      return `update ${target} set ${assigned()}${random.oneIn(3) ? `, ${assigned()}` : ''}${random.oneIn(6) ? ` from ${random.pick(words.relations).sql} as f` : ''}${where}${back}`
    case 6:
      return mergeOf(draw, relation)
    case 7:
      return `truncate ${relation.sql}${random.pick(['', ' cascade', ' restart identity cascade'])}`
    default:
      return `delete from ${target}${random.oneIn(6) ? ` using ${random.pick(words.relations).sql} as f` : ''}${where}${back}`
  }
}

function insertOf(draw: Draw, relation: KnownRelation, target: string, back: string): string {
  const { random } = draw
  const columns = random.oneIn(3) ? relation.columns.filter(() => random.oneIn(2)) : relation.columns
  const used = columns.length === 0 ? relation.columns : columns
  const list = used.map(({ name }) => spelled(name, random)).join(', ')
  const values = used.map(({ type }) =>
    random.oneIn(5) ? 'default' : random.oneIn(6) ? expression(draw, [], 1) : literalOf(type, random),
  )
  const conflict = random.oneIn(4)
    ? ` on conflict ${random.pick(['do nothing', `(${used[0]?.name ?? 'id'}) do nothing`, `(${used[0]?.name ?? 'id'}) do update set ${used[0]?.name ?? 'id'} = excluded.${used[0]?.name ?? 'id'}`])}`
    : ''
  const source = random.pick([
    `(${list}) values (${values.join(', ')})`,
    `(${list}) select ${list} from ${relation.sql}`,
    'default values',
    `(${list}) ${queryOf(draw, [], 1)}`,
  ])
  return `insert into ${target} ${source}${conflict}${back}`
}

function mergeOf(draw: Draw, relation: KnownRelation): string {
  const { random } = draw
  const key = relation.columns[0]?.name ?? 'id'
  const action = random.pick(['delete', 'do nothing', `update set ${key} = s.${key}`])
  return `merge into ${relation.sql} as t using ${random.pick([relation.sql, `(${queryOf(draw, [], 1)})`])} as s on t.${key} = s.${key} when matched then ${action}${random.oneIn(3) ? ` when not matched then insert (${key}) values (s.${key})` : ''}`
}

function wrapped({ random }: Draw, text: string): string {
  return random.pick([
    `explain ${text}`,
    `explain (costs off, verbose) ${text}`,
    `explain analyze ${text}`,
    `explain (analyze false) ${text}`,
    `declare c${random.below(9)} cursor for ${text}`,
    `prepare p${random.below(99)} as ${text}`,
    `create temp table t${random.below(9)} as ${text}`,
    `create view scratch.v${random.below(9)} as ${text}`,
    `copy (${text}) to stdout`,
    `do $d$ begin perform 1; ${text}; end $d$`,
  ])
}

function commandOf(draw: Draw): string {
  const { random, words } = draw
  const relation = random.pick(words.relations)
  const column = random.pick(relation.columns)
  const setting = random.pick(words.settings)
  const routine = random.pick(words.routines.filter(({ kind }) => kind === 'p').concat(words.routines))
  return random.pick([
    () => `set ${random.pick(['', 'local ', 'session '])}${setting} = default`,
    () => `select set_config('${setting}', current_setting('${setting}'), ${random.pick(['true', 'false'])})`,
    () => `select set_config('querywarden.probe', '${random.below(9)}', false)`,
    () => `reset ${setting}`,
    () => `show ${setting}`,
    () =>
      `lock table ${relation.sql} in ${random.pick(['access share', 'row exclusive', 'access exclusive'])} mode nowait`,
    () => `copy ${relation.sql} to stdout`,
    () => `copy ${relation.sql} (${column.name}) to stdout with (format csv)`,
    () => `copy ${relation.sql} from stdin`,
    () => `call ${routine.sql}(${routine.argumentTypes.map(type => literalOf(type, random)).join(', ')})`,
    () => `create table scratch.t${random.below(9)} (like ${relation.sql})`,
    () => `create index on ${relation.sql} (${column.name})`,
    () =>
      `alter table ${relation.sql} ${random.pick([`drop column ${column.name} cascade`, `alter ${column.name} drop not null`, 'add column extra int default 1', `rename ${column.name} to other`])}`,
    () =>
      `drop ${random.pick(['table', 'view', 'materialized view'])} if exists ${relation.sql}${random.pick(['', ' cascade'])}`,
    () => `comment on table ${relation.sql} is 'x'`,
    () => `grant select on ${relation.sql} to app_readonly`,
    () => `analyze ${relation.sql}`,
    () => `refresh materialized view ${random.pick(['analytics.mv_sales', 'analytics.mv_directory'])}`,
    () => `select nextval('${random.pick(['public.invoice_no', 'public.ticket_no'])}')`,
    () =>
      `select ${random.pick(['currval', 'lastval', 'setval'])}(${random.pick(["'public.invoice_no'", "'public.ticket_no', 5"])})`,
    () =>
      random.pick([
        'begin',
        'commit',
        'rollback',
        'savepoint s',
        'listen ch',
        'unlisten *',
        "notify ch, 'x'",
        'set transaction read only',
        'checkpoint',
        'fetch all from c',
        'close all',
      ]),
    () => `select pg_notify('ch', ${expression(draw, [], 1)}::text)`,
    () => `select 'a' +! 1`,
    () => `select @# c from public.customers c`,
    () => `select public.glue(${column.name}::text) from ${relation.sql}`,
    () =>
      `create rule r as on ${random.pick(['insert', 'update', 'delete'])} to ${relation.sql} do also ${changeOf(draw, false)}`,
  ])()
}
