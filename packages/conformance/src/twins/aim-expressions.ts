import type { Random } from '../differential/random.ts'
import type { TwinColumn, TwinPlan, TwinRelation } from './plan.ts'

/** What aimed statements are drawn with. */
export interface Aim {
  readonly random: Random
  readonly plan: TwinPlan
}

/** A relation under an alias, with a column of it that a mask is on. */
export interface Target {
  readonly relation: TwinRelation
  readonly alias: string
  readonly masked: TwinColumn
}

/** A relation to aim at, and a masked column of it. */
export function targetOf({ random, plan }: Aim, alias: string, isTable = false): Target {
  const able = plan.relations.filter(
    relation => relation.columns.some(({ isMasked }) => isMasked) && (relation.isTable || !isTable),
  )
  const relation = random.pick(able)
  return { relation, alias, masked: random.pick(relation.columns.filter(({ isMasked }) => isMasked)) }
}

/** A literal of a hidden value: right on one side at the most. */
export const guess = ({ random, plan }: Aim): string => random.pick(plan.guesses)

/** An expression that would show something of the masked column. */
export function shown(aim: Aim, target: Target): string {
  const { random } = aim
  const { alias, masked, relation } = target
  const m = `${alias}.${masked.name}`
  const text = `${m}::text`
  return random.pick<() => string>([
    () => m,
    () => masked.name,
    () => `${m} AS x`,
    () => text,
    () => `upper(${text})`,
    () => `length(${text})`,
    () => `${text} || 'x'`,
    () => `(${alias}).${masked.name}`,
    () => `${alias}::text`,
    () => alias,
    () => `${alias}.*`,
    () => `to_jsonb(${alias})`,
    () => `row_to_json(${alias})->>'${masked.name}'`,
    () => `coalesce(${text}, '?')`,
    () => `${m} IS NULL`,
    () => `${text}::integer`,
    () => `${text}::date`,
    () => `(${wrong(aim, target)})`,
    () => `substr(${text}, ${1 + random.below(4)}, 1)`,
    () => `ascii(${text})`,
    () => `md5(${text})`,
    () => `encode(convert_to(${text}, 'UTF8'), 'hex')`,
    () => `CASE WHEN ${wrong(aim, target)} THEN 1 ELSE 2 END`,
    () => `10 / (length(${text}) - ${5 + random.below(9)})`,
    () => `greatest(${text}, 'm')`,
    () => `quote_literal(${text})`,
    () => `format('%s', ${m})`,
    () => `ARRAY[${text}]`,
    () => `ROW(${m}, 1)`,
    () => `pg_column_size(${m})`,
    () => `hashtext(${text})`,
    () => `(SELECT ${m})`,
    () => `(SELECT ${text} FROM ${relation.sql} z WHERE z.id = ${alias}.id)`,
    () => `regexp_replace(${text}, '.', '\\&-')`,
    () => `xmlelement(name a, ${text})`,
    () => `nullif(${text}, ${guess(aim)}::text)`,
    () => `num_nulls(${m})`,
    () => `to_jsonb(${m})`,
    () => `jsonb_build_object('v', ${m})`,
    () => `concat_ws('|', ${alias}.id, ${m})`,
    () => `reverse(${text})`,
    () => `strpos(${text}, 'a')`,
    () => `string_to_array(${text}, '-')`,
    () => `octet_length(${text})`,
    () => special(masked, m),
  ])()
}

/** What only values of the column's own type can be asked. */
function special({ type }: TwinColumn, m: string): string {
  if (type.startsWith('jsonb')) return `${m} ->> 'secret'`
  if (type === 'json') return `${m} -> 'a'`
  if (type.endsWith('[]')) return `${m}[1]`
  if (type === 'twin.address') return `(${m}).zip`
  if (type === 'date' || type === 'timestamptz') return `extract(day FROM ${m})`
  if (type === 'boolean') return `NOT ${m}`
  if (/^(numeric|integer|double)/.test(type)) return `${m} * 2`
  if (type === 'bytea') return `get_byte(${m}, 0)`
  if (type === 'inet') return `host(${m})`
  if (type === 'int4range') return `lower(${m})`
  return `initcap(${m}::text)`
}

/** A condition that would tell the two sides apart. */
export function wrong(aim: Aim, target: Target): string {
  const { random } = aim
  const { alias, masked, relation } = target
  const m = `${alias}.${masked.name}`
  const text = `${m}::text`
  return random.pick<() => string>([
    () => `${m} = ${guess(aim)}`,
    () => `${text} = ${guess(aim)}::text`,
    () => `${text} LIKE left(${guess(aim)}::text, 3) || '%'`,
    () => `${text} > ${guess(aim)}::text`,
    () => `${m} IN (${guess(aim)}, ${guess(aim)})`,
    () => `${m} = ANY (ARRAY[${guess(aim)}])`,
    () => `${text} = ANY (ARRAY[${guess(aim)}::text, ${guess(aim)}::text])`,
    () => `${m} IS NOT NULL`,
    () => `length(${text}) > 8`,
    () => `${text} ~ '[a-f]'`,
    () => `EXISTS (SELECT FROM ${relation.sql} e WHERE e.${masked.name} = ${m} AND e.id <> ${alias}.id)`,
    () => `${alias}::text LIKE '%' || ${guess(aim)}::text || '%'`,
    () => `${alias}.id = 10 / (CASE WHEN ${text} > 'm' THEN 0 ELSE 1 END)`,
    () => `${text}::integer > 3`,
    () => `${text} = (SELECT max(e.${masked.name}::text) FROM ${relation.sql} e)`,
    () => `(${alias}).${masked.name} IS DISTINCT FROM ${guess(aim)}`,
    () => `to_jsonb(${alias}) @> jsonb_build_object('${masked.name}', ${guess(aim)}::text)`,
    () => `${alias} IS NOT NULL`,
    () => `${m} IS NOT DISTINCT FROM $1`,
    () => `${m} = $1`,
  ])()
}

/** A condition that has nothing to do with what is masked. */
export const harmless = ({ random }: Aim, { alias }: Target): string =>
  random.pick([
    `${alias}.id = ${1 + random.below(9)}`,
    `${alias}.id < ${2 + random.below(9)}`,
    `${alias}.id IN (1, 2)`,
    'true',
  ])
