import type { Vocabulary } from './generate/vocabulary.ts'
import type { Random } from './random.ts'
import { groupsOf, isLiteral, isSpace, isWord, tokensOf } from './tokens.ts'

/** What mutants are made of, beside the text itself. */
export interface Stock {
  /** A text that pieces may be taken from. */
  readonly donor: () => string
  readonly words: Vocabulary
}

const LONGEST = 4_000

/** A text like the one given, but for one to three changes. */
export function mutate(text: string, stock: Stock, random: Random): string {
  let mutant = text
  for (let left = 1 + random.below(2); left > 0; left--) {
    const change = random.pick(random.oneIn(4) ? ROUGH : GENTLE)
    const changed = change(mutant, stock, random)
    if (changed.length <= LONGEST) mutant = changed
  }
  return mutant
}

type Change = (text: string, stock: Stock, random: Random) => string

/** Replaces one of the tokens that are of a kind. */
const replacing =
  (is: (token: string) => boolean, by: (stock: Stock, random: Random, token: string) => string): Change =>
  (text, stock, random) => {
    const tokens = tokensOf(text)
    const places = tokens.flatMap((token, at) => (is(token) ? [at] : []))
    if (places.length === 0) return text
    const at = random.pick(places)
    tokens[at] = by(stock, random, tokens[at] ?? '')
    return tokens.join('')
  }

const KEYWORDS = [
  'select',
  'delete',
  'update',
  'insert',
  'into',
  'from',
  'only',
  'table',
  'with',
  'recursive',
  'as',
  'materialized',
  'union',
  'all',
  'lateral',
  'natural',
  'join',
  'using',
  'on',
  'where',
  'returning',
  'set',
  'for',
  'analyze',
  'explain',
  'not',
  'null',
  'default',
  'values',
  'do',
  'nothing',
  'distinct',
  'group',
  'order',
  'by',
  'having',
  'limit',
  'except',
  'intersect',
  'is',
  'in',
  'exists',
  'local',
  'global',
  'temp',
  'execute',
  'begin',
  'end',
  'commit',
] as const

const SPACES = [
  '\n',
  '\r',
  '\t',
  '\f',
  '/**/',
  '/* /* ; */ */',
  '-- x\n',
  '-- ;\r',
  '/* $$ */',
  " /* ' */ ",
  '\v',
  '  ',
] as const

const ODDITIES = [
  ';',
  ',',
  '(',
  ')',
  '$$',
  '$a$',
  "'",
  '"',
  '--',
  '/*',
  '*/',
  '::',
  '.',
  '*',
  '\\',
  "E'",
  "U&'",
  '$1',
  '[1]',
  ':=',
  '=>',
  '@#',
  '+!',
  '\u00a0',
] as const

const pieceOf = (text: string, random: Random): string => {
  const tokens = tokensOf(text)
  const groups = groupsOf(tokens)
  if (groups.length > 0 && !random.oneIn(4)) {
    const [from, to] = random.pick(groups)
    return tokens.slice(from, to + 1).join('')
  }
  const from = random.below(Math.max(1, tokens.length))
  return tokens.slice(from, from + 1 + random.below(6)).join('')
}

const nameOf = (random: Random, { words }: Stock): string => {
  const relation = random.pick(words.relations)
  return random.pick([
    relation.name,
    relation.sql,
    random.pick(relation.columns).name,
    random.pick(words.routines.length > 0 ? words.routines : words.builtIns).sql,
  ])
}

const asUnicode = (name: string): string =>
  `U&"${[...name.toLowerCase()].map((letter, at) => (at === 1 ? `\\${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter)).join('')}"`

/** Another name of the same sort, where the token is one. */
const sameSort: Change = (text, { words }, random) => {
  const tokens = tokensOf(text)
  const known = tokens.flatMap((token, at) => {
    const name = token.toLowerCase()
    const relation = words.relations.find(one => one.name === name)
    if (relation !== undefined && !tokens[at - 1]?.includes('.'))
      return [{ at, by: () => random.pick(words.relations).sql }]
    const owner = words.relations.find(({ columns }) => columns.some(column => column.name === name))
    if (owner !== undefined) return [{ at, by: () => random.pick(owner.columns).name }]
    return tokens[at + 1] === '(' && isWord(token) ? [{ at, by: () => routineOf(random, words) }] : []
  })
  if (known.length === 0) return text
  const { at, by } = random.pick(known)
  tokens[at] = by()
  return tokens.join('')
}

const routineOf = (random: Random, { routines, builtIns }: Vocabulary): string =>
  random.pick(random.oneIn(2) && routines.length > 0 ? routines : builtIns).sql

/** A bracket that holds a query, in the place of another that does; or any in the place of any. */
const splice: Change = (text, { donor }, random) => {
  const tokens = tokensOf(text)
  const groups = groupsOf(tokens)
  if (groups.length === 0) return text
  const [from, to] = random.pick(groups)
  const isQuery = /^(select|with|values|table)$/i.test(tokens[from + 1] ?? '')
  const other = donor()
  const piece =
    isQuery && /^\s*(select|with|values|table|delete|update|insert)\b/i.test(other)
      ? `(${other})`
      : pieceOf(other, random)
  return [...tokens.slice(0, from), piece, ...tokens.slice(to + 1)].join('')
}

const WRAPPINGS: readonly ((text: string) => string)[] = [
  text => `select * from (${text}) q`,
  text => `with q as (${text}) select * from q`,
  text => `with q as materialized (${text} returning *) select count(*) from q`,
  text => `explain ${text}`,
  text => `explain (analyze, costs off) ${text}`,
  text => `create table scratch.x as ${text}`,
  text => `copy (${text}) to stdout`,
  text => `prepare p as ${text}`,
  text => `declare c cursor with hold for ${text}`,
  text => `do $do$ begin ${text}; end $do$`,
  text => `select (${text})`,
  text => `select array(${text})`,
  text => `select exists (${text})`,
  text => `select 1 where 1 in (${text})`,
  text => `(${text})`,
  text => `${text} returning *`,
  text => `${text} for update`,
  text => `${text} limit 1`,
]

/** Changes that mostly leave a statement behind. */
const GENTLE: readonly Change[] = [
  sameSort,
  sameSort,
  splice,
  replacing(isWord, (_, random, token) =>
    random.pick([`"${token}"`, `"${token.toLowerCase()}"`, token.toUpperCase(), asUnicode(token)]),
  ),
  replacing(isLiteral, (_, random) =>
    random.pick(['0', '1', "'x'", 'null', "E'a\\'b'", '$q$x$q$', "'101'", "U&'\\0061'", '1e3', "'public.orders'"]),
  ),
  replacing(isSpace, (_, random) => random.pick(SPACES)),
  (text, { donor }, random) =>
    `with q as ${random.pick(['', 'materialized ', 'not materialized '])}(${donor()}) ${text}`,
  (text, _, random) => random.pick(WRAPPINGS)(text),
]

/** Changes that mostly leave nothing that anyone accepts. */
const ROUGH: readonly Change[] = [
  replacing(isWord, (stock, random) => nameOf(random, stock)),
  replacing(isWord, (_, random) => random.pick(KEYWORDS)),
  replacing(isSpace, (_, random) => ` ${random.pick(KEYWORDS)} `),
  replacing(isSpace, (_, random) => ` ${random.pick(ODDITIES)} `),
  replacing(
    () => true,
    () => '',
  ),
  replacing(
    () => true,
    (_, random, token) => `${token}${random.pick([' ', ''])}${token}`,
  ),
  (text, { donor }, random) => {
    const tokens = tokensOf(text)
    const at = random.below(tokens.length + 1)
    return [...tokens.slice(0, at), ' ', pieceOf(donor(), random), ' ', ...tokens.slice(at)].join('')
  },
  (text, { donor }) => `${text}; ${donor()}`,
  (text, { donor }, random) => `${text} ${random.pick(['union all', 'except', 'where exists'])} (${donor()})`,
]
