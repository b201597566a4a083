import { type PostgresMajor, type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import {
  type Catalog,
  type Lookup,
  type Mask,
  type MaskedColumn,
  type MaskedRelation,
  type MaskSql,
  ON_MASK,
  type PredicateMode,
  relationKey,
} from '@querywarden/policy-core'
import { Client } from 'pg'
import { loadCatalog } from '../src/postgres/catalog/load-catalog.ts'
import { classifierAndRewriter, type Pair } from './rewriting.ts'

/** People with an SSN under a mask that shows its last digits, a note under one that hides all, a code under a hash. */
export const PEOPLE = `
create table people (id int primary key, name text, ssn text, born date, code varchar(64) unique, note json, region text default 'EU');
insert into people values
  (1, 'Ann', '512-84-7731', '1961-03-17', 'alpha', '{"a": 1}', 'EU'),
  (2, 'Bob', '603-19-4428', '1974-11-02', 'beta', null, 'US'),
  (3, 'Cid', '603-19-0000', null, 'gamma', '{}', 'US');
create table fixes (id int primary key, new_ssn text, region text);
insert into fixes values (1, '111-11-1111', 'EU'), (2, '222-22-2222', 'US'), (9, '999-99-9999', 'EU');
create table pairs (id int primary key, region text, ssn text, born date default '2000-01-01', note text, code varchar(64), name text, "left" text,
  "right" text generated always as ("left" || ssn) stored,
  unique (region, ssn), unique (note, born), unique nulls not distinct (name, code), unique ("right"));
insert into pairs values (1, 'EU', '512-84-7731', '1961-03-17', 'x', 'alpha', 'Ann'), (2, 'US', '512-84-7731', '1961-03-17', 'y', 'alpha', 'Bob');
create table paired (id int primary key, region text, ssn text, foreign key (region, ssn) references pairs (region, ssn));
create table dated (id int primary key, born date, hired date, left_on date, check (born < hired), check (hired < left_on));
insert into dated values (1, '1980-05-05', '2010-01-01', '2020-01-01');
create table parent (id int, secret text);
create table child (extra int) inherits (parent);
insert into parent values (1, 'p-secret');
insert into child values (2, 'c-secret', 7);
create table tokens (id int primary key, code varchar(64), token uuid, raw bytea, padded char(40), plain text);
insert into tokens values (1, 'alpha', '00000000-0000-4000-8000-000000000001', '\\x01', 'alpha', 'one'),
  (2, 'zeta', '00000000-0000-4000-8000-000000000002', '\\x02', 'zeta', 'two');
`

const MASKS: Readonly<Record<string, Mask>> = {
  ssn: { kind: 'partial', first: 0, last: 4, fill: '*' },
  secret: { kind: 'redact' },
  born: { kind: 'null' },
  note: { kind: 'null' },
  code: { kind: 'hash', key: null },
  token: { kind: 'hash', key: null },
  raw: { kind: 'hash', key: null },
  padded: { kind: 'hash', key: null },
}

const hex = (bytes: string): string =>
  `pg_catalog.encode(pg_catalog.sha256(pg_catalog.byteacat('\\x6b6579', ${bytes})), 'hex')`
const text = (reference: string): string => `pg_catalog.convert_to(CAST(${reference} AS pg_catalog.text), 'UTF8')`

/** Masks that any reader can follow. */
export const plainMasks: MaskSql = (mask, column, reference) => {
  const like = (sql: string): string => `CASE WHEN false THEN ${reference} ELSE CAST(${sql} AS ${column.type}) END`
  if (mask.kind === 'null') return `(SELECT ${reference} WHERE false)`
  if (mask.kind === 'partial') return like(`pg_catalog.concat('***-', pg_catalog.right(${reference}, 4))`)
  if (mask.kind !== 'hash') return like(`'[hidden]'`)
  if (column.type === 'uuid') return like(`pg_catalog.left(${hex(text(reference))}, 32)`)
  if (column.type === 'bytea') return like(`pg_catalog.sha256(${reference})`)
  return like(hex(text(reference)))
}

export interface ChangingDatabase {
  readonly server: PostgresServer
  readonly client: Client
  readonly catalog: Catalog
  readonly pair: Pair
  /** What is sent for a text, or why nothing is. */
  readonly rewritten: (text: string, predicates?: PredicateMode) => Sent
  readonly stop: () => Promise<void>
}

export type Sent =
  | { readonly kind: 'sent'; readonly text: string; readonly lookups: readonly Lookup[] }
  | { readonly kind: 'refused'; readonly code: string; readonly why: string }

/** A server with {@link PEOPLE} on it, its masks in force for whoever asks. */
export async function openChangingDatabase(major: PostgresMajor): Promise<ChangingDatabase> {
  const server = await startPostgres({ major, database: 'people' })
  await server.exec(PEOPLE)
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
  const catalog = await loadCatalog(query, { searchPath: ['public'] })
  const pair = await classifierAndRewriter()
  const rewritten: ChangingDatabase['rewritten'] = (sql, predicates = 'on-mask') => {
    const statement = { dialect: 'postgres', text: sql, params: [] } as const
    const facts = pair.classify(statement, catalog)
    if (facts.kind === 'opaque') return { kind: 'refused', code: 'NOT_UNDERSTOOD', why: facts.message }
    const masks = new Map<string, MaskedRelation>()
    for (const use of facts.uses) {
      if (use.kind !== 'relation') continue
      const { relation } = use
      const columns: MaskedColumn[] = relation.columns.flatMap(column => {
        const mask = MASKS[column.name]
        return mask === undefined
          ? []
          : [{ column, mask, ...ON_MASK, predicates: mask.kind === 'hash' ? predicates : 'on-mask', entry: 0 }]
      })
      if (columns.length > 0) masks.set(relationKey(relation), { relation, columns })
    }
    const rewriting = pair.rewrite(statement, facts, [...masks.values()], plainMasks, catalog)
    return rewriting.kind === 'rewritten'
      ? { kind: 'sent', text: rewriting.text, lookups: rewriting.lookups ?? [] }
      : { kind: 'refused', code: rewriting.code ?? 'CANNOT_MASK', why: rewriting.why }
  }
  const stop = async (): Promise<void> => {
    await client.end()
    await server.stop()
  }
  return { server, client, catalog, pair, rewritten, stop }
}
