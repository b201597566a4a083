// Deciding one statement by policies of 10 to 10 000 rules, against looking one name up in a bare Map.
// Run `pnpm build`, then `node bench/decide.mjs`. Prints ratios, and the median of one decision.
import { compilePolicy, decide, parsePolicy } from '@querywarden/policy-core'

const SIZES = [10, 100, 1_000, 10_000]
const ROUNDS = 31
const ROUND_MS = 10
const RELATIONS = 500
const PLACE = { start: 0, end: 1 }

const column = (name, index) => ({ name, attnum: index + 1, typeOid: 25, typmod: -1, type: 'text', origins: [] })
const relations = Array.from({ length: RELATIONS }, (_, index) => ({
  schema: `s${index % 10}`,
  name: `t${index}`,
  oid: 20_000 + index,
  kind: 'table',
  columns: ['id', 'note', 'ssn'].map(column),
}))

/** Rules of all kinds: by name, by schema, by pattern, for groups, some with conditions that are looked at each time. */
function policyOf(size) {
  const rules = [{ id: 'base', decision: 'allow', what: { effects: ['read'], relations: ['s0.*', 's1.*'] } }]
  for (let i = 1; i < size; i++) {
    const { schema, name } = relations[i % RELATIONS]
    const id = `r${i}`
    const kinds = [
      { decision: 'allow', what: { effects: ['read'], relations: [`${schema}.${name}`] } },
      { decision: 'deny', what: { effects: ['write'], relations: [`${schema}.${name}`], access: ['delete'] } },
      { decision: 'deny', what: { relations: [`${schema}.gone_${i}`] } },
      { decision: 'deny', who: { groups: [`g${i}`] }, what: { effects: ['read'] } },
      { decision: 'allow', what: { effects: ['read'], columns: [`${schema}.${name}.id`] } },
      { decision: 'deny', what: { effects: ['unknown'], functions: [`${schema}.f${i}`] } },
      { decision: 'deny', what: { relations: [`*.tmp_${i}`], tags: ['DROP *'] } },
    ]
    rules.push({ id, ...kinds[i % kinds.length] })
  }
  return compilePolicy(parsePolicy({ version: 1, rules }), { version: 'bench' })
}

/** `select` on two relations, and a call of a function. */
const statements = relations.map((relation, index) => ({
  kind: 'understood',
  tag: 'SELECT',
  uses: [relation, relations[(index + 7) % RELATIONS]].map(of => ({
    kind: 'relation',
    effect: 'read',
    access: 'select',
    relation: of,
    unbounded: false,
    place: PLACE,
  })),
  prohibitions: [],
  mentions: [],
  columns: [{ schema: relation.schema, name: relation.name, column: 'id', role: 'output', place: PLACE }],
  outputs: [],
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: 'c',
}))

const principal = { issuer: 'i', subject: 's', groups: ['staff'], actor: null, expiresAt: 1, credentialDigest: null }
const target = { name: 'app', dialect: 'postgres' }

/** What something takes once, in microseconds: the median of rounds that take turns. */
function medians(contenders) {
  const times = contenders.map(() => [])
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, contender] of contenders.entries()) {
      let runs = 0
      const start = performance.now()
      let now = start
      while (now - start < ROUND_MS) {
        for (let i = 0; i < 100; i++) contender(runs++)
        now = performance.now()
      }
      // The first round is warming up.
      if (round > 0) times[index].push(((now - start) * 1_000) / runs)
    }
  }
  return times.map(list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)])
}

const names = new Map(relations.map(relation => [relation.name, relation]))
let sink = 0
const lookUp = i => {
  sink += names.get(relations[i % RELATIONS].name).oid
}
const deciders = SIZES.map(size => {
  const policy = policyOf(size)
  return i => {
    const { kind } = decide(policy, { principal, target, facts: statements[i % RELATIONS], now: 0 })
    sink += kind.length
  }
})
const [bare, ...taken] = medians([lookUp, ...deciders])
console.log('deciding on a statement of two relations, by rules of all kinds')
for (const [index, size] of SIZES.entries()) {
  const us = taken[index]
  const cells = [
    `${String(size).padStart(6)} rules`,
    `${us.toFixed(2).padStart(6)} µs`,
    `${(us / taken[0]).toFixed(2).padStart(6)} x 10 rules`,
    `${(us / bare).toFixed(0).padStart(5)} x a look-up in a Map`,
  ]
  console.log(cells.join('  '))
}
if (sink === 0) console.log('nothing was decided')
