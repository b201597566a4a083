import { beforeAll, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { usesOf } from '../../test/uses.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

test.each([
  'select * from app.public.customers',
  'select (select ssn from app.public.customers limit 1)',
  'with c as (select * from app.public.customers) select * from c',
  'insert into orders select * from app.public.customers',
  'copy app.public.customers to stdout',
])('N1: %s names its database, under which no mask is looked up', text => {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, smallCatalog({ major: 18 }))
  expect(facts.kind === 'understood' && facts.prohibitions.map(({ code }) => code)).toEqual(['UNSUPPORTED'])
})

const usesOfText = (text: string): readonly string[] =>
  usesOf(classifier.classify({ dialect: 'postgres', text, params: [] }, smallCatalog({ major: 18 })))

test.each([
  'select rolconfig from pg_roles',
  'select r.rolconfig from pg_catalog.pg_roles as r',
  'select rolconfig(r) from pg_roles r',
  'select * from pg_roles',
  'select r.* from pg_roles r join pg_namespace n on n.nspowner = r.oid',
  'select to_jsonb(r) from pg_roles r',
  'select (r).rolconfig from pg_roles r',
  'select a9 from pg_roles as r (a1, a2, a3, a4, a5, a6, a7, a8, a9)',
  'select a9 from (pg_user cross join (select 1) as one) as j (a1, a2, a3, a4, a5, a6, a7, a8, a9)',
  'select 1 from pg_roles natural join orders',
  'table pg_user',
  'select * from pg_sequences',
  'select columns.*, a.* from information_schema.columns, pg_attribute a',
  'select * from (pg_roles r join orders o on true)',
  'select * from (select * from pg_roles) as r',
  'update orders set status = status from pg_roles returning *',
  'copy pg_user to stdout',
  'select attmissingval from pg_attribute',
  'select count(*) from pg_attribute where attmissingval::text like $1',
  'select srvname, srvoptions from pg_foreign_server',
  'table pg_foreign_data_wrapper',
  "select subname from pg_subscription where subconninfo like '%password=a%'",
  'select 1 from pg_subscription s join (select $1 as subconninfo) as guess using (subconninfo)',
  'select umoptions from pg_user_mappings',
])('M1: %s may read the one column that holds values', text => {
  expect(usesOfText(text)).toContain('unknown')
})

test.each([
  'select rolname from pg_roles r order by 1',
  'select count(*) from pg_user',
  'select columns.*, a.attname from information_schema.columns left join pg_attribute a on a.attname = columns.column_name',
  'select sequencename from pg_sequences',
  'select s.srvname, w.fdwname from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw',
  'select subname, subenabled from pg_catalog.pg_subscription',
  'select oid, lomacl from pg_largeobject_metadata',
  'select (information_schema._pg_expandarray(i.indkey)).n from pg_index i',
  'select a.attname from pg_attribute a, (select id from orders) as o, unnest(array[1]) as u (n)',
  'select * from (select a.attname from pg_attribute a) as c where true',
  'select *, (select a.attname from pg_attribute a limit 1) from orders',
  'select o.* from pg_attribute a join orders o on o.id = a.attnum',
  'select * from pg_class',
])('%s reads the schema only', text => {
  expect(usesOfText(text)).not.toContain('unknown')
})

test.each([
  'alter schema public rename to tmp',
  'alter schema public owner to somebody',
  'drop schema public cascade',
  'drop schema x, public',
])('N1: %s is done to every relation in it', text => {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, smallCatalog({ major: 18 }))
  const touched =
    facts.kind === 'understood'
      ? facts.uses.flatMap(use => (use.kind === 'relation' ? [`${use.access} ${use.relation.name}`] : []))
      : []
  expect(touched).toContain('ddl customers')
  expect(touched).toContain('ddl orders')
})
