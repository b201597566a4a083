import { OUR_SCHEMA } from './queries.ts'

/** What the server does of its own accord. As in queries.ts every value is text. */

/**
 * kind, source, relation, name, command, functions, operators, types, whether it holds a query: the expressions that run
 * by themselves, with the numbers of what they use, taken from their node trees, since built-in functions are pinned and
 * so in no pg_depend. Names and constants can't imitate the patterns (queries.ts). Of `domain` the relation is the type.
 */
export const EXPRESSIONS: string = `
with tree (kind, source, relation, name, command, node) as materialized (
  select case a.attgenerated when '' then 'default' when 's' then 'stored' else 'virtual' end, d.oid, d.adrelid,
         a.attname::text, '', d.adbin::text
    from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  union all
  select 'type default', t.oid, a.attrelid, a.attname, '', t.typdefaultbin::text
    from pg_attribute a join pg_type t on t.oid = a.atttypid
   where t.typdefaultbin is not null and not a.atthasdef and a.attnum > 0 and not a.attisdropped
  union all
  select case when conrelid = 0 then 'domain' else 'check' end, oid, case when conrelid = 0 then contypid else conrelid end,
         conname, '', conbin::text
    from pg_constraint
   where contype = 'c' and contypid not in (select t.oid from pg_type t join pg_namespace n on n.oid = t.typnamespace
                                             where n.nspname operator(pg_catalog.~) '^pg_temp_')
  union all
  select 'using', p.oid, p.polrelid, p.polname, p.polcmd::text, p.polqual::text
    from pg_policy p join pg_class c on c.oid = p.polrelid where c.relrowsecurity
  union all
  select 'with check', p.oid, p.polrelid, p.polname, p.polcmd::text, p.polwithcheck::text
    from pg_policy p join pg_class c on c.oid = p.polrelid where c.relrowsecurity
  union all
  select 'index', x.indexrelid, x.indrelid, c.relname, '', x.indexprs::text
    from pg_index x join pg_class c on c.oid = x.indexrelid
  union all
  select 'predicate', x.indexrelid, x.indrelid, c.relname, '', x.indpred::text
    from pg_index x join pg_class c on c.oid = x.indexrelid
  union all
  select 'partition', p.partrelid, p.partrelid, 'partition key', '', p.partexprs::text from pg_partitioned_table p
  union all
  select 'statistics', s.oid, s.stxrelid, s.stxname, '', s.stxexprs::text from pg_statistic_ext s
  union all
  select 'when', t.oid, t.tgrelid, t.tgname::text, '', t.tgqual::text from pg_trigger t where not t.tgisinternal
), shape as materialized (
  -- Most of a schema's expressions are alike, so each is taken apart once.
  select d.node,
         array_to_string(array(select distinct m[1]
           from regexp_matches(d.node, ':(?:[a-z]*funcid|[a-z]*fnoid) ([0-9]+)', 'g') m order by 1), ' ') as functions,
         array_to_string(array(select distinct m[1] from (
           select regexp_matches(d.node, ':opno ([0-9]+)', 'g')
            union all
           select regexp_matches(o[1], '([0-9]+)', 'g') from regexp_matches(d.node, ':opnos \\(o ([0-9 ]+)\\)', 'g') o
         ) as x (m) order by 1), ' ') as operators,
         array_to_string(array(select distinct m[1]
           from regexp_matches(d.node, ':[a-z_]*type(?:id)? ([0-9]{5,})', 'gi') m order by 1), ' ') as types,
         d.node operator(pg_catalog.~) '[{](?:QUERY|SUBLINK) ' as has_query
    from (select distinct node from tree where node is not null) d
)
select t.kind, t.source::text, t.relation::text, t.name, t.command, s.functions, s.operators, s.types, s.has_query::text
  from tree t join shape s on s.node = t.node
  left join pg_class c on c.oid = t.relation left join pg_namespace n on n.oid = c.relnamespace
 where t.kind = 'domain' or (${OUR_SCHEMA})
 order by 1, 2, 3, 4`

/**
 * oid, relation, name, type bits, routine, columns of UPDATE OF, whether it has transition tables. Those that fire in a
 * session that replicates nothing (threats: session_replication_role is pinned). A partition's copy of its parent's trigger
 * counts as its own.
 */
export const TRIGGERS: string = `
select t.oid::text, t.tgrelid::text, t.tgname::text, t.tgtype::text, t.tgfoid::text,
       array_to_string(array(select a.attname::text from pg_attribute a
                              where a.attrelid = t.tgrelid and a.attnum = any (t.tgattr::int2[]) order by 1), E'\\n'),
       (t.tgoldtable is not null or t.tgnewtable is not null)::text
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
 where t.tgenabled in ('O', 'A') and (not t.tgisinternal or t.tgfoid >= 16384) and ${OUR_SCHEMA}
 order by t.oid`

/** oid, relation, name, event, whether it stands in for the statement */
export const RULES: string = `
select r.oid::text, r.ev_class::text, r.rulename::text, r.ev_type::text, r.is_instead::text
  from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
 where r.ev_type <> '1' and r.ev_enabled in ('O', 'A') and ${OUR_SCHEMA}
 order by r.oid`

/**
 * referenced relation, referencing relation, name, action on delete, on update, whether it is a partition's copy of its
 * parent's. The copies for partitions of the
 * referencing relation are left out: what their root reacts with is theirs too.
 */
export const CASCADES: string = `
select k.confrelid::text, k.conrelid::text, k.conname::text, k.confdeltype::text, k.confupdtype::text,
       (m.oid is not null)::text
  from pg_constraint k
  join pg_class c on c.oid = k.confrelid join pg_namespace n on n.oid = c.relnamespace
  left join pg_constraint m on m.oid = k.conparentid
 where k.contype = 'f' and (m.oid is null or m.confrelid <> k.confrelid) and ${OUR_SCHEMA}
 order by k.oid`

/** relation, column, sequence as SQL, or nothing where it can't be told */
export const IDENTITIES: string = `
select a.attrelid::text, a.attname::text, coalesce((
         select format('%I.%I', s.nspname, q.relname)
           from pg_depend d join pg_class q on q.oid = d.objid and q.relkind = 'S' join pg_namespace s on s.oid = q.relnamespace
           join pg_attribute b on b.attrelid = d.refobjid and b.attnum = d.refobjsubid and b.attname = a.attname
          where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'
            and d.refobjid in (a.attrelid, pg_partition_root(a.attrelid)) order by 1 limit 1), '')
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where a.attidentity <> '' and a.attnum > 0 and not a.attisdropped and ${OUR_SCHEMA}
 order by 1, 2`

/**
 * relation, name, operator class or operator number, and which of them: how indexes, exclusion constraints and partition
 * keys compare. Only by what came after the server.
 */
export const COMPARISONS: string = `
select x.indrelid::text, i.relname::text, 'index', 'class', u.class::text
  from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
  join pg_namespace n on n.oid = c.relnamespace
 cross join lateral unnest(x.indclass::oid[]) as u (class)
 where u.class >= 16384 and ${OUR_SCHEMA}
union
select k.conrelid::text, k.conname::text, 'index', 'operator', u.operator::text
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
 cross join lateral unnest(k.conexclop) as u (operator)
 where k.contype = 'x' and u.operator >= 16384 and ${OUR_SCHEMA}
union
select p.partrelid::text, 'partition key', 'partition', 'class', u.class::text
  from pg_partitioned_table p join pg_class c on c.oid = p.partrelid join pg_namespace n on n.oid = c.relnamespace
 cross join lateral unnest(p.partclass::oid[]) as u (class)
 where u.class >= 16384 and ${OUR_SCHEMA}
 order by 1, 2, 3, 4, 5`

/** operator class, routine: the support functions of its whole family. */
export const CLASS_ROUTINES: string = `
select c.oid::text, m.amproc::oid::text
  from pg_opclass c join pg_amproc m on m.amprocfamily = c.opcfamily
 where c.oid >= 16384
 order by 1, 2`

/** name, event, tags, routine. Those that fire in a session that replicates nothing. */
export const EVENT_TRIGGERS: string = `
select e.evtname::text, e.evtevent::text, array_to_string(coalesce(e.evttags, '{}'), E'\\n'), e.evtfoid::oid::text
  from pg_event_trigger e where e.evtenabled in ('O', 'A')
 order by e.oid`

/**
 * view, the relation that it writes to where it can be written to without a rule or a trigger: then it reads one relation in
 * its FROM, and that is the first in its definition but for the view's own rows (up to PostgreSQL 15).
 */
export const VIEW_TARGETS: string = `
select r.ev_class::text, m.relation[1]
  from pg_rewrite r join pg_class c on c.oid = r.ev_class and c.relkind = 'v'
  join pg_namespace n on n.oid = c.relnamespace
 cross join lateral (select x.m from regexp_matches(r.ev_action::text, ':relid ([0-9]+) ', 'g') with ordinality as x (m, at)
                      where x.m[1] <> r.ev_class::text order by x.at limit 1) as m (relation)
 where r.ev_type = '1' and ${OUR_SCHEMA}
 order by 1`

/**
 * relation, the vector that a trigger of the server's own fills, a column that it is made from. The trigger's arguments are
 * the names, each with a zero byte behind it. Disabled ones too: what they have copied is still there.
 */
export const VECTORS: string = `
with named as (
  select attrelid, attnum, convert_to(attname::text, getdatabaseencoding()) || '\\x00'::bytea as name
    from pg_attribute where attnum > 0 and not attisdropped)
select distinct t.tgrelid::text, a.attnum::text, b.attnum::text
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid and p.pronamespace = 'pg_catalog'::regnamespace
   and p.proname in ('tsvector_update_trigger', 'tsvector_update_trigger_column')
  join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
  join named a on a.attrelid = t.tgrelid and position(a.name in t.tgargs) = 1
  join named b on b.attrelid = t.tgrelid and b.attnum <> a.attnum and position('\\x00'::bytea || b.name in t.tgargs) > 0
 where not t.tgisinternal and ${OUR_SCHEMA}
 order by 1, 2, 3`
