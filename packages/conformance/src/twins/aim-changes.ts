import { type Aim, guess, harmless, shown, type Target, targetOf, wrong } from './aim-expressions.ts'
import { aimedQuery } from './aim-queries.ts'

type Make = (aim: Aim, target: Target) => string

/** A change of rows that would tell, by what it returns, counts or fails with, what a mask hides. */
export const aimedChange = (aim: Aim): string => aim.random.pick(CHANGES)(aim, targetOf(aim, 'a', !aim.random.oneIn(6)))

const back = (aim: Aim, a: Target): string =>
  aim.random.pick<() => string>([
    () => '',
    () => ' RETURNING *',
    () => ` RETURNING ${shown(aim, a)}`,
    () => ' RETURNING a.id',
  ])()
const where = (aim: Aim, a: Target): string => ` WHERE ${aim.random.oneIn(2) ? wrong(aim, a) : harmless(aim, a)}`

const update: Make = (aim, a) => {
  const { random } = aim
  const m = a.masked.name
  const b = targetOf(aim, 'b')
  const set = random.pick<() => string>([
    () => 'qty = 1',
    () => 'qty = a.qty + 1',
    () => `${m} = ${guess(aim)}`,
    () => `${m} = ${m}`,
    () => `${m} = NULL`,
    () => `name = ${m}::text`,
    () => `name = left(${m}::text, 3)`,
    () => `qty = length(a.${m}::text)`,
    () => `${m} = upper(${m}::text)`,
    () => `(name, qty) = (SELECT max(b.${b.masked.name}::text), 1 FROM ${b.relation.sql} b)`,
    () => `qty = CASE WHEN ${wrong(aim, a)} THEN 1 ELSE 2 END`,
  ])()
  const source = random.oneIn(5) ? ` FROM ${b.relation.sql} b` : ''
  return `UPDATE ${a.relation.sql} a SET ${set}${source}${where(aim, a)}${source === '' ? '' : ' AND b.id = a.id'}${back(aim, a)}`
}

const remove: Make = (aim, a) => {
  const b = targetOf(aim, 'b')
  const using = aim.random.oneIn(4) ? ` USING ${b.relation.sql} b` : ''
  return `DELETE FROM ${a.relation.sql} a${using}${where(aim, a)}${using === '' ? '' : ` AND a.${a.masked.name}::text = b.${b.masked.name}::text`}${back(aim, a)}`
}

const insert: Make = (aim, a) => {
  const { random } = aim
  const m = a.masked.name
  const id = random.pick([1, 3, 50 + random.below(40)])
  const conflict = random.pick<() => string>([
    () => '',
    () => '',
    () => ' ON CONFLICT DO NOTHING',
    () => ` ON CONFLICT (${m}) DO NOTHING`,
    () => ' ON CONFLICT (id) DO NOTHING',
    () => ' ON CONFLICT (id) DO UPDATE SET qty = 1',
    () => ` ON CONFLICT (id) DO UPDATE SET name = a.${m}::text`,
    () => ` ON CONFLICT (id) DO UPDATE SET ${m} = excluded.${m}`,
    () => ` ON CONFLICT (id) DO UPDATE SET qty = 2 WHERE ${wrong(aim, a)}`,
    () => ` ON CONFLICT (${m}) DO UPDATE SET qty = 7`,
  ])()
  return random.pick([
    `INSERT INTO ${a.relation.sql} AS a (id, name, ${m}) VALUES (${id}, 'new', ${guess(aim)})${conflict}${back(aim, a)}`,
    `INSERT INTO ${a.relation.sql} AS a (id, name) VALUES (${id}, 'new')${conflict}${back(aim, a)}`,
    `INSERT INTO ${a.relation.sql} AS a (id, name, ${m}) SELECT id + 100, name, ${m} FROM ${a.relation.sql}${conflict}${back(aim, a)}`,
    `INSERT INTO public.plain (id, name) SELECT a.id + 100, a.${m}::text FROM ${a.relation.sql} a WHERE a.id < 50 RETURNING *`,
    `INSERT INTO public.plain (id, name) SELECT 200, max(a.${m}::text) FROM ${a.relation.sql} a RETURNING name`,
    `INSERT INTO ${a.relation.sql} (id, name, qty, ${m}) VALUES (60, 'new', -1, ${guess(aim)})`,
  ])
}

const merge: Make = (aim, a) => {
  const { random } = aim
  const action = random.pick([
    'UPDATE SET qty = 0',
    'DELETE',
    'DO NOTHING',
    `UPDATE SET name = a.${a.masked.name}::text`,
    `UPDATE SET ${a.masked.name} = s.g`,
  ])
  const and = random.oneIn(2) ? ` AND ${wrong(aim, a)}` : ''
  const on = random.pick(['a.id = s.i', `a.${a.masked.name}::text = s.g`])
  const more = random.pick(['', ` WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.i + 90, s.g)`])
  const returning = random.oneIn(4) ? ` RETURNING merge_action(), ${shown(aim, a)}` : ''
  return `MERGE INTO ${a.relation.sql} a USING (VALUES (1, ${guess(aim)}::text), (2, 'x')) s (i, g) ON ${on} WHEN MATCHED${and} THEN ${action}${more}${returning}`
}

const within: Make = (aim, a) =>
  aim.random.pick<() => string>([
    () => `WITH w AS (${update(aim, a).replace(/ RETURNING.*$/, '')} RETURNING a.*) SELECT * FROM w`,
    () => `WITH w AS (${remove(aim, a).replace(/ RETURNING.*$/, '')} RETURNING a.id) SELECT count(*) FROM w`,
    () =>
      `WITH w AS (${aimedQuery(aim)}) UPDATE public.plain SET qty = (SELECT count(*) FROM w)::integer RETURNING id, qty`,
    () =>
      `WITH w AS (SELECT ${a.masked.name}::text AS x FROM ${a.relation.sql}) INSERT INTO public.plain (id, name) SELECT 300 + row_number() OVER (ORDER BY x), x FROM w RETURNING *`,
  ])()

const CHANGES: readonly Make[] = [update, update, update, remove, insert, insert, insert, merge, within]
