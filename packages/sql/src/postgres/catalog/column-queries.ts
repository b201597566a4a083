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

/**
 * relation, attnum; 0 for all of its columns: those whose values the server compares with those of other rows. Keys of
 * unique indexes and of exclusion constraints, what the expressions and predicates of such indexes read, and both sides of
 * foreign keys: whether a referenced key can be changed tells whether it is referenced.
 */
export const COMPARED_COLUMNS: string = `
with compared as (
  select x.indrelid as relation, x.indexrelid as index, k.attnum
    from pg_index x cross join lateral unnest(x.indkey::int2[]) with ordinality as k (attnum, at)
   where (x.indisunique or x.indisexclusion) and k.at <= x.indnkeyatts)
select c.oid::text, k.attnum::text
  from (select relation, attnum from compared where attnum <> 0
         union
        select x.indrelid, d.refobjsubid::int2
          from pg_index x
          join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = x.indexrelid
           and d.refclassid = 'pg_class'::regclass and d.refobjid = x.indrelid
         where (x.indisunique or x.indisexclusion) and (x.indexprs is not null or x.indpred is not null)
           -- One without a plain column depends on the whole relation, whatever it reads of it.
           and (d.refobjsubid <> 0
             or concat(x.indexprs::text, x.indpred::text) operator(pg_catalog.~) ':varattno 0 ')
         union
        select f.conrelid, u.attnum from pg_constraint f cross join lateral unnest(f.conkey) as u (attnum)
         where f.contype = 'f'
         union
        select f.confrelid, u.attnum from pg_constraint f cross join lateral unnest(f.confkey) as u (attnum)
         where f.contype = 'f') k
  join pg_class c on c.oid = k.relation join pg_namespace n on n.oid = c.relnamespace
 where ${OUR_SCHEMA}
 order by c.oid, k.attnum`
