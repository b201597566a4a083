/**
 * What the catalog is loaded with. Every value is cast to text, so that no driver's type parser comes between. All of
 * these system tables can be read by every role.
 */

/** The schemas whose relations, functions and types are the server's own, or a session's. `pg_` is reserved for them. */
export const OUR_SCHEMA: string = "n.nspname operator(pg_catalog.!~) '^pg_' and n.nspname <> 'information_schema'"

/**
 * Immutable functions that came with an extension compute and no more, like the server's own. Without this, citext alone
 * would make every `=` a call of unknown code. So do the constructors that the server makes for a range type.
 */
export const PURE_MEMBER: string =
  "(p.provolatile = 'i' and exists (select from pg_depend m where m.classid = 'pg_proc'::regclass and m.objid = p.oid" +
  " and (m.deptype = 'e' or m.deptype = 'i' and m.refclassid = 'pg_type'::regclass)))"

/** Functions that may do anything: neither the server's own nor computing and no more. */
export const USER_FUNCTION: string = `((p.pronamespace <> 'pg_catalog'::regnamespace or p.oid >= 16384) and not ${PURE_MEMBER})`

/**
 * Operators that may do anything. Those of extensions may also be stable: what an operator like pg_trgm's `%` reads is a
 * setting, and nobody writes one that runs SQL.
 */
export const USER_OPERATOR: string = `((o.oprnamespace <> 'pg_catalog'::regnamespace or o.oid >= 16384)
   and not exists (select from pg_proc p join pg_depend m on m.classid = 'pg_operator'::regclass and m.objid = o.oid
                    where p.oid = o.oprcode and p.provolatile <> 'v' and m.deptype = 'e'))`

/**
 * Temporary relations, of whichever session: nobody else reads them, and what they are made with must not make the schema
 * another one each time.
 */
const TEMPORARY = "(select oid from pg_class where relpersistence = 't')"

/** `true` or `false`: how booleans are written here. */
export const TRUE: string = 'true'

/** version number, version */
export const SERVER: string = `select current_setting('server_version_num'), current_setting('server_version')`

/** oid, schema, name, kind, whether it is a partition, whether row security is on */
export const RELATIONS: string = `
select c.oid::text, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition::text, c.relrowsecurity::text
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
export const INHERITANCE: string = `
select inhrelid::text, inhparent::text from pg_inherits where inhrelid not in ${TEMPORARY} order by 1, 2`

/** referencing relation, attnum, referenced relation, attnum */
export const FOREIGN_KEYS: string = `
select c.conrelid::text, k.child::text, c.confrelid::text, k.parent::text
  from pg_constraint c cross join lateral unnest(c.conkey, c.confkey) as k (child, parent)
 where c.contype = 'f' and c.conrelid not in ${TEMPORARY}
 order by 1, 2, 3, 4`

/** relation, generated attnum, source attnum. Where the expression is the dependent object depends on the version. */
export const GENERATED: string = `
select a.attrelid::text, a.attnum::text, d.refobjsubid::text
  from pg_attribute a
  join pg_attrdef e on e.adrelid = a.attrelid and e.adnum = a.attnum
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid
   and (d.classid = 'pg_attrdef'::regclass and d.objid = e.oid
     or d.classid = 'pg_class'::regclass and d.objid = a.attrelid and d.objsubid = a.attnum)
 where a.attgenerated <> '' and d.refobjsubid <> a.attnum and a.attrelid not in ${TEMPORARY}
 order by a.attrelid, a.attnum, d.refobjsubid`

/** view, relation, attnum; 0 for the relation as a whole. */
export const VIEW_READS: string = `
select distinct r.ev_class::text, d.refobjid::text, d.refobjsubid::text
  from pg_rewrite r
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
 where r.ev_type = '1' and r.ev_class >= 16384 and r.ev_class not in ${TEMPORARY} and d.refobjid <> r.ev_class
 order by 1, 2, 3`

/**
 * view, whether its definition has a whole-row reference. pg_depend can't tell: it drops the dependency on the whole
 * relation as soon as there is one on a column of it. Names and constants can't imitate the pattern: in a node tree the
 * blanks of names are escaped and constants are bytes.
 */
export const WHOLE_ROW_VIEWS: string = `
select ev_class::text, (ev_action::text operator(pg_catalog.~) ':varattno 0 ')::text
  from pg_rewrite where ev_type = '1' and ev_class >= 16384 and ev_class not in ${TEMPORARY} order by 1`

/**
 * view, schema, relation: the system relations that a definition reads. Most of them are pinned, and so in no pg_depend.
 */
export const VIEW_SYSTEM_READS: string = `
select distinct r.ev_class::text, n.nspname::text, c.relname::text
  from pg_rewrite r
 cross join lateral regexp_matches(r.ev_action::text, ':relid ([0-9]+) ', 'g') m
  join pg_class c on c.oid = m[1]::oid join pg_namespace n on n.oid = c.relnamespace
 where r.ev_type = '1' and r.ev_class >= 16384 and r.ev_class not in ${TEMPORARY} and not (${OUR_SCHEMA})
 order by 1, 2, 3`

/**
 * view, function, schema, name, whether it is the server's own or as good, whether it is immutable. By the numbers in the definition's
 * node tree, since built-in functions are pinned and so in no pg_depend.
 */
export const VIEW_FUNCTIONS: string = `
select distinct r.ev_class::text, p.oid::text, n.nspname::text, p.proname::text,
       (p.oid < 16384 and n.nspname = 'pg_catalog' or ${PURE_MEMBER})::text, (p.provolatile = 'i')::text
  from pg_rewrite r
 cross join lateral regexp_matches(r.ev_action::text, ':(?:[a-z]*funcid|[a-z]*fnoid) ([0-9]+) ', 'g') m
  join pg_proc p on p.oid = m[1]::oid join pg_namespace n on n.oid = p.pronamespace
 where r.ev_type = '1' and r.ev_class >= 16384 and r.ev_class not in ${TEMPORARY}
 order by 1, 2, 3`

/**
 * view, what it depends on, as function or operator, and in words: operators and functions that aren't the server's own,
 * however they are reached.
 */
export const VIEW_USER_CODE: string = `
select distinct r.ev_class::text, coalesce(p.oid, 0)::text, coalesce(o.oid, 0)::text,
       pg_describe_object(d.refclassid, d.refobjid, 0)
  from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
  left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
 where r.ev_type = '1' and r.ev_class >= 16384 and r.ev_class not in ${TEMPORARY}
   and (p.oid is not null and ${USER_FUNCTION} or o.oid is not null and ${USER_OPERATOR})
 order by 1, 2, 3`

/** view, type: the types outside pg_catalog that a definition depends on. */
export const VIEW_TYPES: string = `
select distinct r.ev_class::text, d.refobjid::text
  from pg_rewrite r
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_type'::regclass
 where r.ev_type = '1' and r.ev_class >= 16384 and r.ev_class not in ${TEMPORARY}
 order by 1, 2`

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
  from pg_trigger t where not t.tgisinternal and t.tgrelid not in ${TEMPORARY}
union all
select 'policy', p.oid::text, md5(concat_ws('|', p.polrelid, p.polcmd, p.polpermissive, p.polroles, p.polqual,
         p.polwithcheck))
  from pg_policy p where p.polrelid not in ${TEMPORARY}
 order by 1, 2`
