import type { Vocabulary } from './generate/vocabulary.ts'
import type { Random } from './random.ts'
import { groupsOf, isLiteral, isSpace, isWord, tokensOf } from './tokens.ts'

/** What mutants are made of, beside the text itself. */
export interface Stock {
  /** Texts that pieces are taken from. */
  readonly donors: readonly string[]
  readonly words: Vocabulary
}

const LONGEST = 4_000

/** A text like the one given, but for one to three changes. */
export function mutate(text: string, stock: Stock, random: Random): string {
  let mutant = text
  for (let left = 1 + random.below(3); left > 0; left--) {
    const change = random.pick(CHANGES)
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

const CHANGES: readonly Change[] = [
  replacing(
    token => isWord(token),
    (stock, random) => nameOf(random, stock),
  ),
  replacing(
    token => isWord(token),
    (_, random) => random.pick(KEYWORDS),
  ),
  replacing(
    token => isWord(token),
    (_, random, token) =>
      random.pick([`"${token}"`, `"${token.toLowerCase()}"`, token.toUpperCase(), asUnicode(token)]),
  ),
  replacing(isLiteral, (_, random) =>
    random.pick(['0', '1', "'x'", 'null', "E'a\\'b'", '$q$x$q$', "'101'", "U&'\\0061'", '1e3', "'public.orders'"]),
  ),
  replacing(isSpace, (_, random) => random.pick(SPACES)),
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
  // Brackets from another text in the place of one's own.
  (text, { donors }, random) => {
    const tokens = tokensOf(text)
    const groups = groupsOf(tokens)
    if (groups.length === 0) return text
    const [from, to] = random.pick(groups)
    return [...tokens.slice(0, from), pieceOf(random.pick(donors), random), ...tokens.slice(to + 1)].join('')
  },
  (text, { donors }, random) => {
    const tokens = tokensOf(text)
    const at = random.below(tokens.length + 1)
    return [...tokens.slice(0, at), ' ', pieceOf(random.pick(donors), random), ' ', ...tokens.slice(at)].join('')
  },
  (text, { donors }, random) =>
    `with q as ${random.pick(['', 'materialized ', 'not materialized '])}(${random.pick(donors)}) ${text}`,
  (text, { donors }, random) => `${text}; ${random.pick(donors)}`,
  (text, { donors }, random) =>
    `${text} ${random.pick(['union all', 'except', 'where exists'])} (${random.pick(donors)})`,
  (text, _, random) =>
    random.pick([
      `select * from (${text}) q`,
      `with q as (${text}) select * from q`,
      `with q as materialized (${text} returning *) select count(*) from q`,
      `explain ${text}`,
      `explain (analyze, costs off) ${text}`,
      `create table scratch.x as ${text}`,
      `copy (${text}) to stdout`,
      `prepare p as ${text}`,
      `declare c cursor with hold for ${text}`,
      `do $do$ begin ${text}; end $do$`,
      `select (${text})`,
      `select array(${text})`,
      `select exists (${text})`,
      `select 1 where 1 in (${text})`,
      `(${text})`,
      `${text} returning *`,
      `${text} for update`,
      `${text} limit 1`,
    ]),
]
