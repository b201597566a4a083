// npm run twins [-- options]: statements against two databases that differ only under the masks. --help says more.
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bootstrap } from './bootstrap.mjs'
import { harness } from './harness.mjs'

const USAGE = `npm run twins -- [options]

Makes pairs of databases that differ only in what their masks hide, sends the same statements to both through the gateway,
and compares all bytes that come back. Some of the statements run past the gateway, too, where they must tell the two apart.
What does so through the gateway is made small and printed, with what either side said.

  --minutes N     stop after so long; 5 unless given. The time is shared by majors
  --major LIST    of 15, 16, 17, 18; 15,18 unless given
  --seed S        the same schemas and statements again: 0 to 4294967295; else at random, and printed
  --out DIR       where findings are written; twins-findings unless given
  --help          this

Ends with 0 where nothing was found, with 1 where something was, and with 2 for options that make no sense.`

const options = readOptions()
if (options.help) {
  console.log(USAGE)
  process.exit(0)
}
bootstrap()
const { runTwins } = await harness('twins')
const found = await runTwins({ ...options, print: line => console.log(line) })
console.log(found === 0 ? 'The same bytes.' : `${found} found.`)
process.exit(found === 0 ? 0 : 1)

function readOptions() {
  const { minutes, major, seed, out, help } = parsed()
  if (help) return { help: true }
  const seconds = 60 * Number(minutes)
  if (!(seconds > 0)) usage(`--minutes ${minutes} is not a positive number`)
  const majors = major.split(',')
  const unknown = majors.find(item => !['15', '16', '17', '18'].includes(item))
  if (unknown !== undefined) usage(`--major ${unknown} is none of 15, 16, 17, 18`)
  const chosen = seed === undefined ? randomInt(2 ** 32) : Number(seed)
  if (!(Number.isInteger(chosen) && chosen >= 0 && chosen < 2 ** 32))
    usage(`--seed ${seed} is not from 0 to 4294967295`)
  console.log(`Seed ${chosen}`)
  return { seconds, majors: majors.map(Number), seed: chosen, out: resolve(out) }
}

function parsed() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: {
        minutes: { ...text, default: '5' },
        major: { ...text, default: '15,18' },
        seed: text,
        out: { ...text, default: 'twins-findings' },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    usage(error.message)
  }
}

function usage(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}
