// What classifying costs beside the bare parse of the same text: the same instance of the grammar, from the text to its
// tree read as JSON, and nothing else. CPU time of the process, the collector's threads included, in blocks of a few
// milliseconds that take turns: what else the machine does falls on all alike. Each ratio is the median of a block's
// over the bare parse's in its own round; what lies between the quartiles stands beside it. Absolute figures mean little.
//
//   npm run bench -- classify            [ROUNDS=60] [DISTINCT=0]
//
//   cached          the same text again, as a new string, as it comes off the wire
//   outline shared  a text that differs from known ones in a literal only
//   uncached        a text whose outline is new
//   split+classify  what a gateway does with a new text: one parse serves both
//
// With DISTINCT=N (10000000 for the figure in docs/limits.md) it classifies N distinct statements and prints how memory
// went. Build first: pnpm --filter "@querywarden/sql..." build
import { readFileSync } from 'node:fs'
import { DEFAULT_LIMITS, postgresClassifier } from '@querywarden/sql/postgres'

const ROUNDS = Number(process.env.ROUNDS ?? 60)
const DISTINCT = Number(process.env.DISTINCT ?? 0)
const MAJOR = 17
/** Until the compiler has seen enough of it: what a gateway runs is warm. */
const WARM_UP_ROUNDS = 80
/** Characters of new texts in one block: a few milliseconds of parsing. */
const BLOCK_CHARS = 8_000
/** One that is answered from memory takes a microsecond or less, and the clock tells no smaller parts. */
const CACHED_TIMES = 50

const column = (name, at) => ({
  name,
  attnum: at + 1,
  typeOid: 25,
  typmod: -1,
  type: 'text',
  origins: [{ schema: 'public', name: 'orders', column: name }],
})
const orders = {
  schema: 'public',
  name: 'orders',
  oid: 20_000,
  kind: 'table',
  columns: ['id', 'customer_id', 'status', 'total', 'note'].map(column),
  opaque: null,
  reactions: [],
}
const catalog = {
  fingerprint: 'bench',
  major: MAJOR,
  searchPath: ['public'],
  relations: new Map([[JSON.stringify(['public', 'orders']), orders]]),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
}

/** Statements of about so many bytes. `salt` changes a name, `value` a literal. */
const SHAPES = {
  '100 B': (salt, value) =>
    `select id, status, total as ${salt} from orders where customer_id = ${value} and status = 'new' limit 10`,
  '1 kB': (salt, value) =>
    `select ${items(8, at => `case when o.total > ${at} then lower(o.status) else o.note end as c${at}`)}, count(*) as ${salt}
     from orders o join orders p on p.id = o.id left join orders q on q.customer_id = p.customer_id
     where ${items(6, at => `(o.status = 's${at}' or p.total between ${at} and ${value})`, ' and ')}
     group by o.id order by 1 limit 100`,
  '10 kB': (salt, value) =>
    `select id as ${salt} from orders where ${items(40, at => `(customer_id in (${items(25, n => String(value + at + n))}) and status like 'state ${at}%' and upper(note) = 'X')`, ' or ')}`,
}
function items(count, make, between = ', ') {
  return Array.from({ length: count }, (_, at) => make(at)).join(between)
}

const classifier = await postgresClassifier({
  majors: [MAJOR],
  limits: DEFAULT_LIMITS,
  cacheEntriesMax: 4_096,
  // As a gateway has it: one parse serves the split and the facts.
  readCharsMax: 1_048_576,
})
const grammar = classifier.grammar(MAJOR)
const sorted = values => values.toSorted((a, b) => a - b)
const at = (values, share) => sorted(values)[Math.floor(values.length * share)]
/** CPU time of the process in microseconds. */
const spent = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}
/** A string as the wire makes them: flat, and new to every table of strings. */
const fresh = text => Buffer.from(text).toString()
const classify = text => classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)

if (DISTINCT > 0) memoryOver(DISTINCT)
else for (const [name, make] of Object.entries(SHAPES)) report(name, make)

function report(name, make) {
  let serial = 0
  const repeated = make('a', 1)
  const expectFacts = facts => {
    if (facts.kind !== 'understood') throw new Error(facts.message)
  }
  const contestants = {
    parse: () => [make(`n${serial++}`, 7), text => grammar.parse(text)],
    cached: () => [repeated, text => expectFacts(classify(text))],
    'outline shared': () => [make('a', 100 + serial++), text => expectFacts(classify(text))],
    uncached: () => [make(`n${serial++}`, 7), text => expectFacts(classify(text))],
    'split+classify': () => [
      make(`n${serial++}`, 7),
      text => {
        const { statements } = classifier.split(text, MAJOR)
        expectFacts(classify(statements[0].text))
      },
    ],
  }
  expectFacts(classify(repeated))
  const times = new Map(Object.keys(contestants).map(key => [key, []]))
  const size = Math.max(1, Math.round(BLOCK_CHARS / repeated.length))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [key, prepare] of Object.entries(contestants)) {
      const count = key === 'cached' ? size * CACHED_TIMES : size
      const all = Array.from({ length: count }, prepare)
      const texts = all.map(([text]) => fresh(text))
      const [, run] = all[0]
      const started = spent()
      for (const text of texts) run(text)
      if (round >= 0) times.get(key).push((spent() - started) / count)
    }
  }
  print(`${name} (${Buffer.byteLength(repeated)} bytes; ${ROUNDS} rounds, ${size} texts a block)`, times)
}

function print(title, times) {
  console.log(`\n${title}`)
  const parse = times.get('parse')
  for (const [key, values] of times) {
    const ratios = values.map((value, round) => value / parse[round])
    const [low, middle, high] = [0.25, 0.5, 0.75].map(share => at(ratios, share).toFixed(3))
    console.log(
      `  ${key.padEnd(16)}${middle.padStart(8)} ÷ parse  (${low} to ${high})${at(values, 0.5).toFixed(1).padStart(10)} µs`,
    )
  }
}

/** Distinct in their names, so that nothing known helps. */
function memoryOver(count) {
  const sample = () => {
    globalThis.gc?.()
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1_024
  }
  const samples = []
  const every = Math.ceil(count / 10)
  const started = process.hrtime.bigint()
  for (let at = 0; at <= count; at++) {
    if (at % every === 0) samples.push(sample())
    classify(`select id, total as n${at} from orders where customer_id = ${at} and status = 'v${at}'`)
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  console.log(`${count} distinct statements in ${seconds.toFixed(0)} s; MiB resident after each tenth:`)
  console.log(`  ${samples.map(mib => mib.toFixed(0)).join(' ')}`)
  console.log(`  last ÷ second: ${(samples.at(-1) / samples[1]).toFixed(2)}`)
}
