// npm run differential [-- options]: what the classifier says of statements against what real servers do. --help says more.
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bootstrap } from './bootstrap.mjs'
import { harness } from './harness.mjs'

const USAGE = `npm run differential -- [options]

Classifies statements, runs them on real PostgreSQL servers in databases that are thrown away, and compares what the facts
say with what happened: rows written, tables truncated, schema, settings, roles, sequences and large objects changed, locks
taken, notifications sent; the relations, columns and functions in the server's own dependency record; the number of
statements, their tags, and the labels and origins of their results.

  unsafe     the facts leave out something that the server did or has. Shrunk, printed, and written to the findings
  stricter   the facts say that it may do anything, and so does policy
  exact      the facts hold all that it did, and nothing unknown

  --minutes N       stop after so long; 5 unless given. The time is shared by majors, worlds and sources
  --major LIST      of 15, 16, 17, 18; 15,18 unless given
  --source LIST     of corpus, generated, mutated; all unless given
  --world LIST      of shop (the attack corpora's schema), regress (what the regression suites make); shop unless given
  --seed S          the same statements again: 0 to 4294967295; else at random, and printed
  --out DIR         where findings are written; differential-findings unless given
  --repeat FILE     try the findings in such a file again, and nothing else
  --help            this

Ends with 0 where nothing unsafe was found, with 1 where something was, and with 2 for options that make no sense.`

const options = readOptions()
if (options.help) {
  console.log(USAGE)
  process.exit(0)
}
bootstrap()
const { runDifferential, repeatFindings } = await harness('differential')
const print = line => console.log(line)
const unsafe =
  options.repeat === undefined
    ? await runDifferential({ ...options, print })
    : await repeatFindings(resolve(options.repeat), print)
console.log(unsafe === 0 ? 'Nothing unsafe.' : `${unsafe} unsafe.`)
process.exit(unsafe === 0 ? 0 : 1)

function readOptions() {
  const { minutes, major, source, world, seed, out, repeat, help } = parsed()
  if (help) return { help: true }
  const seconds = 60 * Number(minutes)
  if (!(seconds > 0)) usage(`--minutes ${minutes} is not a positive number`)
  const chosen = seed === undefined ? randomInt(2 ** 32) : Number(seed)
  if (!(Number.isInteger(chosen) && chosen >= 0 && chosen < 2 ** 32))
    usage(`--seed ${seed} is not from 0 to 4294967295`)
  if (repeat === undefined) console.log(`Seed ${chosen}`)
  return {
    seconds,
    majors: list('major', major, ['15', '16', '17', '18']).map(Number),
    sources: list('source', source, ['corpus', 'generated', 'mutated']),
    worlds: list('world', world, ['shop', 'regress']),
    seed: chosen,
    out: resolve(out),
    repeat,
  }
}

function parsed() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: {
        minutes: { ...text, default: '5' },
        major: { ...text, default: '15,18' },
        source: { ...text, default: 'corpus,generated,mutated' },
        world: { ...text, default: 'shop' },
        seed: text,
        out: { ...text, default: 'differential-findings' },
        repeat: text,
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    usage(error.message)
  }
}

function list(name, text, known) {
  const items = text.split(',')
  const unknown = items.find(item => !known.includes(item))
  if (unknown !== undefined) usage(`--${name} ${unknown} is none of ${known.join(', ')}`)
  return items
}

function usage(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}
