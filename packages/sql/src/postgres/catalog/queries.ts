/**
 * What the catalog is loaded with. Every value is cast to text, so that no driver's type parser comes between. All of
 * these system tables can be read by every role.
 */

/** The schemas whose relations, functions and types are the server's own, or a session's. `pg_` is reserved for them. */
const OUR_SCHEMA = "n.nspname operator(pg_catalog.!~) '^pg_' and n.nspname <> 'information_schema'"

/**
 * Immutable functions that came with an extension compute and no more, like the server's own. Without this, citext alone
 * would make every `=` a call of unknown code.
 */
const PURE_MEMBER =
  "(p.provolatile = 'i' and exists (select from pg_depend m where m.classid = 'pg_proc'::regclass and m.objid = p.oid" +
  " and m.deptype = 'e'))"

/** Functions that may do anything: neither the server's own nor computing and no more. */
const USER_FUNCTION = `((p.pronamespace <> 'pg_catalog'::regnamespace or p.oid >= 16384) and not ${PURE_MEMBER})`

/**
 * Operators that may do anything. Those of extensions may also be stable: what an operator like pg_trgm's `%` reads is a
 * setting, and nobody writes one that runs SQL.
 */
const USER_OPERATOR = `((o.oprnamespace <> 'pg_catalog'::regnamespace or o.oid >= 16384)
   and not exists (select from pg_proc p join pg_depend m on m.classid = 'pg_operator'::regclass and m.objid = o.oid
                    where p.oid = o.oprcode and p.provolatile <> 'v' and m.deptype = 'e'))`

/** `true` or `false`: how booleans are written here. */
export const TRUE: string = 'true'

/** version number, version */
export const SERVER: string = `select current_setting('server_version_num'), current_setting('server_version')`

/** oid, schema, name, kind */
export const RELATIONS: string = `
select c.oid::text, n.nspname::text, c.relname::text, c.relkind::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${OUR_SCHEMA}
 order by c.oid`

/** relation, attnum, name, type, modifier, type as SQL, whether it is generated. Of composite types too. */
export const COLUMNS: string = `
select a.attrelid::text, a.attnum::text, a.attname::text, a.atttypid::text, a.atttypmod::text,
       format_type(a.atttypid, a.atttypmod), (a.attgenerated <> '')::text
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and ${OUR_SCHEMA} and a.attnum > 0 and not a.attisdropped
 order by a.attrelid, a.attnum`

/** child, parent. Partitions too. */
export const INHERITANCE: string = 'select inhrelid::text, inhparent::text from pg_inherits order by 1, 2'

/** referencing relation, attnum, referenced relation, attnum */
export const FOREIGN_KEYS: string = `
select c.conrelid::text, k.child::text, c.confrelid::text, k.parent::text
  from pg_constraint c cross join lateral unnest(c.conkey, c.confkey) as k (child, parent)
 where c.contype = 'f'
 order by 1, 2, 3, 4`

/** relation, generated attnum, source attnum. Where the expression is the dependent object depends on the version. */
export const GENERATED: string = `
select a.attrelid::text, a.attnum::text, d.refobjsubid::text
  from pg_attribute a
  join pg_attrdef e on e.adrelid = a.attrelid and e.adnum = a.attnum
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid
   and (d.classid = 'pg_attrdef'::regclass and d.objid = e.oid
     or d.classid = 'pg_class'::regclass and d.objid = a.attrelid and d.objsubid = a.attnum)
 where a.attgenerated <> '' and d.refobjsubid <> a.attnum
 order by a.attrelid, a.attnum, d.refobjsubid`

/** view, relation, attnum; 0 for the relation as a whole. */
export const VIEW_READS: string = `
select distinct r.ev_class::text, d.refobjid::text, d.refobjsubid::text
  from pg_rewrite r
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
 where r.ev_type = '1' and r.ev_class >= 16384 and d.refobjid <> r.ev_class
 order by 1, 2, 3`

/**
 * view, whether its definition has a whole-row reference. pg_depend can't tell: it drops the dependency on the whole
 * relation as soon as there is one on a column of it. Names and constants can't imitate the pattern: in a node tree the
 * blanks of names are escaped and constants are bytes.
 */
export const WHOLE_ROW_VIEWS: string = `
select ev_class::text, (ev_action::text operator(pg_catalog.~) ':varattno 0 ')::text
  from pg_rewrite where ev_type = '1' and ev_class >= 16384 order by 1`

/**
 * view, schema, relation: the system relations that a definition reads. Most of them are pinned, and so in no pg_depend.
 */
export const VIEW_SYSTEM_READS: string = `
select distinct r.ev_class::text, n.nspname::text, c.relname::text
  from pg_rewrite r
 cross join lateral regexp_matches(r.ev_action::text, ':relid ([0-9]+) ', 'g') m
  join pg_class c on c.oid = m[1]::oid join pg_namespace n on n.oid = c.relnamespace
 where r.ev_type = '1' and r.ev_class >= 16384 and not (${OUR_SCHEMA})
 order by 1, 2, 3`

/**
 * view, schema, function, whether it is the server's own or as good, whether it is immutable. By the numbers in the definition's
 * node tree, since built-in functions are pinned and so in no pg_depend.
 */
export const VIEW_FUNCTIONS: string = `
select distinct r.ev_class::text, n.nspname::text, p.proname::text,
       (p.oid < 16384 and n.nspname = 'pg_catalog' or ${PURE_MEMBER})::text, (p.provolatile = 'i')::text
  from pg_rewrite r
 cross join lateral regexp_matches(r.ev_action::text, ':(?:[a-z]*funcid|[a-z]*fnoid) ([0-9]+) ', 'g') m
  join pg_proc p on p.oid = m[1]::oid join pg_namespace n on n.oid = p.pronamespace
 where r.ev_type = '1' and r.ev_class >= 16384
 order by 1, 2, 3`

/** view, what it depends on: operators and functions that aren't the server's own, however they are reached. */
export const VIEW_USER_CODE: string = `
select distinct r.ev_class::text, pg_describe_object(d.refclassid, d.refobjid, 0)
  from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
  left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
 where r.ev_type = '1' and r.ev_class >= 16384
   and (p.oid is not null and ${USER_FUNCTION} or o.oid is not null and ${USER_OPERATOR})
 order by 1, 2`

/** view, type: the types outside pg_catalog that a definition depends on. */
export const VIEW_TYPES: string = `
select distinct r.ev_class::text, d.refobjid::text
  from pg_rewrite r
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_type'::regclass
 where r.ev_type = '1' and r.ev_class >= 16384
 order by 1, 2`

/** relation: those with rules that run statements of their own. */
export const OTHER_RULES: string = `select distinct ev_class::text from pg_rewrite where ev_type <> '1' order by 1`

/**
 * Whether a bare name never reaches a function, since pg_catalog, where names are looked up first, has one that takes the same:
 * pgcrypto's gen_random_uuid.
 */
const HIDDEN_FUNCTION = `(p.pronargdefaults = 0 and p.provariadic = 0 and exists (
  select from pg_proc b
   where b.pronamespace = 'pg_catalog'::regnamespace and b.oid < 16384 and b.proname = p.proname
     and b.proargtypes = p.proargtypes and b.provariadic = 0))`

/**
 * name, whether one of its name may do anything, whether it can be called with nothing but one row: its one argument is a row type, a domain over one, any type,
 * or a type that a row type is cast to implicitly.
 */
export const FUNCTIONS: string = `
select p.proname::text, bool_or(${USER_FUNCTION} and not ${HIDDEN_FUNCTION})::text, bool_or(
         p.pronargs >= 1 and p.pronargs - p.pronargdefaults <= 1
         and (t.typtype in ('c', 'd', 'p') or coalesce(v.typtype in ('c', 'd', 'p'), false)
           or exists (select from pg_cast k join pg_type s on s.oid = k.castsource
                       where k.casttarget = t.oid and k.castcontext = 'i' and s.typtype in ('c', 'd'))))::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  left join pg_type t on t.oid = p.proargtypes[0]
  left join pg_type v on v.oid = p.provariadic
 where ${OUR_SCHEMA} or p.oid >= 16384
 group by p.proname order by 1`

/** name */
export const OPERATORS: string = `
select distinct o.oprname::text
  from pg_operator o where ${USER_OPERATOR} order by 1`

/**
 * oid, name, kind, element, base, relation, subtype, whether a cast or check of it runs code that isn't the server's own.
 * A base type of an extension whose input function computes and no more counts as an enumeration does.
 * So does a type whose values are sorted or hashed by such code.
 * A cast between two built-in types counts against its target: whoever made it was a superuser.
 */
export const TYPES: string = `
with own as (select p.oid from pg_proc p where ${USER_FUNCTION}),
coded as (
  select k.castsource as oid from pg_cast k where k.castfunc in (select oid from own)
   union
  select k.casttarget from pg_cast k where k.castfunc in (select oid from own)
   union
  select c.opcintype from pg_opclass c join pg_amproc p on p.amprocfamily = c.opcfamily
   where p.amproc::oid in (select oid from own)
   union
  select c.contypid from pg_constraint c
    join pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = c.oid
   where c.contypid <> 0
     and (d.refclassid = 'pg_proc'::regclass and d.refobjid in (select oid from own)
       or d.refclassid = 'pg_operator'::regclass
      and exists (select from pg_operator o where o.oid = d.refobjid and ${USER_OPERATOR}))
)
select t.oid::text, t.typname::text,
       case when t.typtype = 'b' and t.typelem <> 0 and t.typcategory = 'A' then 'a'
            when t.typtype = 'b' and exists (select from pg_proc p where p.oid = t.typinput and ${PURE_MEMBER}) then 'e'
            else t.typtype::text end,
       t.typelem::text, t.typbasetype::text, t.typrelid::text, coalesce(g.rngsubtype, h.rngsubtype, 0)::text,
       (t.oid in (select oid from coded))::text
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
  left join pg_range g on g.rngtypid = t.oid
  left join pg_range h on h.rngmultitypid = t.oid
 where (${OUR_SCHEMA}) or t.oid >= 16384
    or exists (select from pg_cast k join pg_type s on s.oid = k.castsource
                where k.casttarget = t.oid and k.castfunc in (select oid from own)
                  and s.typnamespace = 'pg_catalog'::regnamespace)
 order by t.oid`

/**
 * kind, object, digest: the bodies of all that runs by itself, so that a change of one changes the fingerprint and with
 * it whatever was approved under the old one.
 */
export const DEFINITIONS: string = `
select 'function', p.oid::text, md5(concat_ws('|', p.proname, p.pronamespace, p.proargtypes, p.provolatile, p.prosecdef,
         p.proconfig, p.prosrc, p.probin, p.prosqlbody))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OUR_SCHEMA}
union all
select 'rule', r.oid::text, md5(concat_ws('|', r.ev_class, r.ev_type, r.ev_enabled, r.ev_qual, r.ev_action))
  from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
 where ${OUR_SCHEMA}
union all
select 'trigger', t.oid::text, md5(concat_ws('|', t.tgrelid, t.tgname, t.tgfoid, t.tgtype, t.tgenabled, t.tgqual))
  from pg_trigger t where not t.tgisinternal
union all
select 'policy', p.oid::text, md5(concat_ws('|', p.polrelid, p.polcmd, p.polpermissive, p.polroles, p.polqual,
         p.polwithcheck))
  from pg_policy p
 order by 1, 2`
