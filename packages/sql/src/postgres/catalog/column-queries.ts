import { OUR_SCHEMA } from './queries.ts'

/** What is known of columns besides their types, and of views besides their text. As in queries.ts every value is text. */

/**
 * view, whether it is a security barrier, whether it reads with the rights of who asks. Of materialized views too, which
 * are neither.
 */
export const VIEW_OPTIONS: string = `
select c.oid::text,
       coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
                  where o.option_name = 'security_barrier'), false)::text,
       coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
                  where o.option_name = 'security_invoker'), false)::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('v', 'm') and ${OUR_SCHEMA}
 order by c.oid`

/** What a CHECK is called by begins with it, in {@link ROW_COMPARISONS}. */
export const CHECK = 'k'

/**
 * relation, index or constraint, attnum (0 for all columns), whether a NULL there is compared with nothing. Of unique
 * indexes and exclusion constraints the keys, and what their expressions and predicates read; of foreign keys both sides:
 * whether a referenced key can be changed tells whether it is referenced. A key of MATCH FULL with a NULL in it fails
 * whatever is there. Of CHECKs what they read. What is put into a referenced relation, the unique index of the key looks at.
 */
export const ROW_COMPARISONS: string = `
with indexes as (
  select x.*, 'i' || x.indexrelid as by from pg_index x where x.indisunique or x.indisexclusion)
select c.oid::text, k.by, k.attnum::text, bool_or(k.is_key)::text
  from (select x.indrelid as relation, x.by, u.attnum, not x.indnullsnotdistinct as is_key
          from indexes x cross join lateral unnest(x.indkey::int2[]) with ordinality as u (attnum, at)
         where u.attnum <> 0 and u.at <= x.indnkeyatts
         union all
        select x.indrelid, x.by, d.refobjsubid::int2, false
          from indexes x
          join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = x.indexrelid
           and d.refclassid = 'pg_class'::regclass and d.refobjid = x.indrelid
         where (x.indexprs is not null or x.indpred is not null)
           -- One without a plain column depends on the whole relation, whatever it reads of it.
           and (d.refobjsubid <> 0
             or concat(x.indexprs::text, x.indpred::text) operator(pg_catalog.~) ':varattno 0 ')
         union all
        select f.conrelid, 'c' || f.oid, u.attnum, true
          from pg_constraint f cross join lateral unnest(f.conkey) as u (attnum) where f.contype = 'f'
         union all
        select f.confrelid, 'r' || f.oid, u.attnum, true
          from pg_constraint f cross join lateral unnest(f.confkey) as u (attnum) where f.contype = 'f'
         union all
        select k.conrelid, '${CHECK}' || k.oid, u.attnum, false
          from pg_constraint k cross join lateral unnest(k.conkey) as u (attnum)
         where k.contype = 'c' and k.conrelid <> 0) k
  join pg_class c on c.oid = k.relation join pg_namespace n on n.oid = c.relnamespace
 where ${OUR_SCHEMA}
 group by c.oid, k.by, k.attnum
 order by c.oid, k.by, k.attnum`

/** relation, attnum: those that are something else than NULL where an INSERT leaves them out. */
export const COLUMN_DEFAULTS: string = `
select a.attrelid::text, a.attnum::text
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_type t on t.oid = a.atttypid
 where c.relkind in ('r', 'p') and ${OUR_SCHEMA} and a.attnum > 0 and not a.attisdropped
   and (a.atthasdef or a.attidentity <> '' or t.typdefault is not null)
 order by a.attrelid, a.attnum`

/** relation, attnum: primary keys that hold at all times, column by column. */
export const PRIMARY_KEYS: string = `
select c.oid::text, k.attnum::text
  from pg_constraint p cross join lateral unnest(p.conkey) with ordinality as k (attnum, at)
  join pg_class c on c.oid = p.conrelid join pg_namespace n on n.oid = c.relnamespace
 where p.contype = 'p' and not p.condeferrable and ${OUR_SCHEMA}
 order by c.oid, k.at`

/** relation, attnum, the text of a comment or a security label that gives tags. Of attributes of composite types too. */
export const TAGGED_COLUMNS: string = `
with written as (
  select d.objoid, d.objsubid, d.description as text from pg_description d
   where d.classoid = 'pg_class'::regclass and d.objsubid > 0 and d.description operator(pg_catalog.~*) 'querywarden:'
  union
  select l.objoid, l.objsubid, l.label from pg_seclabel l
   where l.classoid = 'pg_class'::regclass and l.objsubid > 0 and l.label operator(pg_catalog.~*) 'querywarden:')
select w.objoid::text, w.objsubid::text, w.text
  from written w join pg_class c on c.oid = w.objoid join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and ${OUR_SCHEMA}
 order by w.objoid, w.objsubid, w.text`

/** oid, schema, name, relation, the types it is made of: those of columns, and of what they are made of. */
export const COLUMN_TYPES: string = `
with recursive used (oid) as (
  select a.atttypid
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and ${OUR_SCHEMA} and a.attnum > 0 and not a.attisdropped
   union
  select u.part
    from used join pg_type t on t.oid = used.oid
    left join pg_range g on g.rngtypid = t.oid
    left join pg_range h on h.rngmultitypid = t.oid
   cross join lateral (values (case when t.typcategory = 'A' then t.typelem else 0 end), (t.typbasetype),
                              (coalesce(g.rngsubtype, 0)), (coalesce(h.rngtypid, 0))) as u (part)
   where u.part <> 0)
select t.oid::text, n.nspname::text, t.typname::text, t.typrelid::text,
       concat_ws(' ', case when t.typcategory = 'A' then nullif(t.typelem, 0) end, nullif(t.typbasetype, 0), g.rngsubtype,
                 h.rngtypid)
  from used join pg_type t on t.oid = used.oid join pg_namespace n on n.oid = t.typnamespace
  left join pg_range g on g.rngtypid = t.oid
  left join pg_range h on h.rngmultitypid = t.oid
 order by t.oid`

/** relation, the composite type that it is a table of */
export const TYPED_TABLES: string = `
select c.oid::text, t.typrelid::text
  from pg_class c join pg_type t on t.oid = c.reloftype join pg_namespace n on n.oid = c.relnamespace
 where c.reloftype <> 0 and ${OUR_SCHEMA}
 order by c.oid`

/**
 * relation, attnum, schema, relation and column on the other side, by the options that postgres_fdw has for it: what they
 * leave out is named as here. Of other wrappers too, whose options may be called the same.
 */
export const FOREIGN_COLUMNS: string = `
select a.attrelid::text, a.attnum::text,
       coalesce((select o.option_value from pg_options_to_table(f.ftoptions) o where o.option_name = 'schema_name'), n.nspname),
       coalesce((select o.option_value from pg_options_to_table(f.ftoptions) o where o.option_name = 'table_name'), c.relname),
       coalesce((select o.option_value from pg_options_to_table(a.attfdwoptions) o where o.option_name = 'column_name'),
                a.attname)
  from pg_foreign_table f join pg_class c on c.oid = f.ftrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where ${OUR_SCHEMA}
 order by a.attrelid, a.attnum`
