import { OUR_SCHEMA, PURE_MEMBER, USER_FUNCTION, USER_OPERATOR } from './queries.ts'

/** What code there is in a database, and what runs it. As in queries.ts every value is text. */

/**
 * Whether a bare name never reaches a function, since pg_catalog, where names are looked up first, has one that takes the same:
 * pgcrypto's gen_random_uuid. Arguments that are named reach the one that has such names, and CALL counts OUT arguments.
 */
const HIDDEN_FUNCTION = `(p.pronargdefaults = 0 and p.provariadic = 0 and p.prokind <> 'p'
 and (p.pronargs = 0 or p.proargnames is null) and exists (
  select from pg_proc b
   where b.pronamespace = 'pg_catalog'::regnamespace and b.oid < 16384 and b.proname = p.proname
     and b.proargtypes = p.proargtypes and b.provariadic = 0))`

/**
 * Whether a function can be called with nothing but one row: its one argument is a row type, a domain over one, any type,
 * or a type that a row type is cast to implicitly.
 */
const TAKES_A_ROW = `(
  p.pronargs >= 1 and p.pronargs - p.pronargdefaults <= 1
  and (t.typtype in ('c', 'd', 'p') or coalesce(v.typtype in ('c', 'd', 'p'), false)
    or exists (select from pg_cast k join pg_type s on s.oid = k.castsource
                where k.casttarget = t.oid and k.castcontext = 'i' and s.typtype in ('c', 'd'))))`

/** The built-in functions that code of the database runs, but for those that aren't immutable, which are listed anyway. */
const RUN_BY_OURS = `(
  select oprcode::oid from pg_operator where oid >= 16384
   union all select tgfoid from pg_trigger where not tgisinternal
   union all select evtfoid from pg_event_trigger)`

/**
 * oid, schema, name, kind, argument types, how many of them have defaults, whether there may be more, language,
 * volatility, security definer, settings as JSON, source, what of a body there is, whether it may do anything, whether
 * a bare name may reach it, whether it takes a row, of an aggregate its kind, how parameters and result are declared. The
 * server's own are among them where they do more than compute, or
 * something of the database runs them.
 */
export const ROUTINES: string = `
select p.oid::text, n.nspname::text, p.proname::text, p.prokind::text,
       array_to_string(case when p.prokind = 'p' then coalesce(p.proallargtypes, p.proargtypes::oid[])
                            else p.proargtypes::oid[] end, ' '),
       p.pronargdefaults::text, (p.provariadic <> 0 or coalesce(g.aggkind <> 'n', false))::text, l.lanname::text,
       p.provolatile::text, p.prosecdef::text, coalesce(array_to_json(p.proconfig)::text, '[]'),
       case when l.lanname in ('sql', 'plpgsql') and p.oid >= 16384 and p.prosqlbody is null then p.prosrc else '' end,
       case when l.lanname not in ('sql', 'plpgsql') or p.oid < 16384 then 'none'
            when p.prosqlbody is null then 'source' else 'parsed' end,
       ${USER_FUNCTION}::text, (${USER_FUNCTION} and not ${HIDDEN_FUNCTION})::text, ${TAKES_A_ROW}::text,
       coalesce(g.aggkind, 'n')::text,
       case when l.lanname in ('sql', 'plpgsql') then pg_get_function_arguments(p.oid) else '' end,
       case when l.lanname in ('sql', 'plpgsql') then coalesce(pg_get_function_result(p.oid), '') else '' end
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
  left join pg_type t on t.oid = p.proargtypes[0]
  left join pg_type v on v.oid = p.provariadic
  left join pg_aggregate g on g.aggfnoid = p.oid
 where ${OUR_SCHEMA} or p.oid >= 16384 or p.provolatile <> 'i' or p.oid in ${RUN_BY_OURS}
 order by p.oid`

/** aggregate, routine that it runs */
export const AGGREGATES: string = `
select a.aggfnoid::oid::text, s.routine::oid::text
  from pg_aggregate a
 cross join lateral unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,
                                 aggminvtransfn, aggmfinalfn]) as s (routine)
 where a.aggfnoid::oid >= 16384 and s.routine::oid <> 0
 order by 1, 2`

/**
 * oid, name, routine, or 0 for an operator that has none yet. The planner puts an operator's commutator or its negator in
 * its place as it likes, so their routines are run under its name too. Estimators run while a statement is planned.
 */
export const OPERATORS: string = `
select distinct o.oid::text, o.oprname::text, coalesce(r.routine, 0)::text
  from pg_operator o
  left join pg_operator c on c.oid = o.oprcom
  left join pg_operator x on x.oid = o.oprnegate
  left join lateral (
    select u.routine::oid from unnest(array[o.oprcode, c.oprcode, x.oprcode]) as u (routine) where u.routine::oid <> 0
     union
    select u.routine::oid from unnest(array[o.oprrest, o.oprjoin, c.oprrest, c.oprjoin, x.oprrest, x.oprjoin]) as u (routine)
      join pg_proc p on p.oid = u.routine::oid and ${USER_FUNCTION}) r on true
 where ${USER_OPERATOR}
 order by 1, 3`

/** The functions that a range type brings itself or has from the operator class of its subtype. */
const OF_RANGES = `(
  select g.rngtypid as type, g.rngmultitypid as multitype, u.routine::oid
    from pg_range g cross join lateral unnest(array[g.rngcanonical, g.rngsubdiff]) as u (routine)
   where u.routine::oid <> 0
   union
  select g.rngtypid, g.rngmultitypid, m.amproc::oid
    from pg_range g join pg_opclass c on c.oid = g.rngsubopc join pg_amproc m on m.amprocfamily = c.opcfamily)`

/**
 * type, routine, whether a query that doesn't name the type may run it: the functions that aren't the server's own and run
 * where a value of the type is cast, sorted or hashed, and those that read and write its values. A cast between two built-in types counts against its target: whoever made it was a superuser.
 */
export const TYPE_ROUTINES: string = `
with own as (select p.oid from pg_proc p where ${USER_FUNCTION}), runs as (
  select k.castsource as type, k.castfunc as routine, true as unasked from pg_cast k
   union select k.casttarget, k.castfunc, true from pg_cast k
   union select c.opcintype, p.amproc::oid, true from pg_opclass c join pg_amproc p on p.amprocfamily = c.opcfamily
   union select t.oid, u.routine::oid, false from pg_type t
          cross join lateral unnest(array[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze,
                                          typsubscript]) as u (routine)
          where t.oid >= 16384 and not exists (select from pg_proc p where p.oid = t.typinput and ${PURE_MEMBER})
   union select type, routine, false from ${OF_RANGES} r
   union select multitype, routine, false from ${OF_RANGES} r)
select type::text, routine::text, bool_or(unasked)::text
  from runs where routine in (select oid from own) group by type, routine order by 1, 2`

/**
 * oid, name, kind, element, base, relation, subtype. A base type of an extension whose input function computes and no more
 * counts as an enumeration does, and so does a range that brings no function which isn't such a one.
 */
export const TYPES: string = `
with own as (select p.oid from pg_proc p where ${USER_FUNCTION})
select t.oid::text, t.typname::text,
       case when t.typtype = 'b' and t.typelem <> 0 and t.typcategory = 'A' then 'a'
            when t.typtype = 'b' and exists (select from pg_proc p where p.oid = t.typinput and ${PURE_MEMBER}) then 'e'
            when t.typtype in ('r', 'm') and t.typisdefined
             and not exists (select from ${OF_RANGES} r
                              where t.oid in (r.type, r.multitype) and r.routine in (select oid from own)) then 'e'
            else t.typtype::text end,
       t.typelem::text, t.typbasetype::text, t.typrelid::text, coalesce(g.rngsubtype, h.rngsubtype, 0)::text
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
  left join pg_range g on g.rngtypid = t.oid
  left join pg_range h on h.rngmultitypid = t.oid
 where (${OUR_SCHEMA}) or t.oid >= 16384 and n.nspname operator(pg_catalog.!~) '^pg_(toast_)?temp_'
    or exists (select from pg_cast k join pg_type s on s.oid = k.castsource
                where k.casttarget = t.oid and k.castfunc in (select oid from own)
                  and s.typnamespace = 'pg_catalog'::regnamespace)
 order by t.oid`

/** routine: the casts to json and jsonb that aren't the server's own. Whoever makes JSON of a value runs that of its type. */
export const JSON_CASTS: string = `
select distinct p.oid::text
  from pg_cast k join pg_proc p on p.oid = k.castfunc
 where k.casttarget in ('json'::regtype, 'jsonb'::regtype) and ${USER_FUNCTION}
 order by 1`

/** schema, name: functions of extensions, and constructors of ranges, that compute and no more. */
export const PURE_MEMBERS: string = `
select distinct n.nspname::text, p.proname::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where ${PURE_MEMBER} and ${OUR_SCHEMA}
 order by 1, 2`
