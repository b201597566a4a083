// The options that the harnesses of packages/conformance have in common, and how they say that others make no sense.
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const MAJORS = ['15', '16', '17', '18']

/**
 * Reads the options that a script was run with: `shared` are those that every harness takes, `own` those in `more`, a text
 * each with what it is unless given. `list` reads one of them that has some of the known items, with commas between.
 * Ends the process where help is wanted, with 0, and where an option makes no sense, with 2.
 */
export function harnessOptions({ usage, out, more }) {
  const refuse = message => {
    console.error(`${message}\n\n${usage}`)
    process.exit(2)
  }
  const { help, minutes, major, seed, out: dir, ...own } = parsed({ out, more }, refuse)
  if (help) {
    console.log(usage)
    process.exit(0)
  }
  const list = (name, text, known) => {
    const items = text.split(',')
    const unknown = items.find(item => !known.includes(item))
    if (unknown !== undefined) refuse(`--${name} ${unknown} is none of ${known.join(', ')}`)
    return items
  }
  const seconds = 60 * Number(minutes)
  if (!(seconds > 0)) refuse(`--minutes ${minutes} is not a positive number`)
  const chosen = seed === undefined ? randomInt(2 ** 32) : Number(seed)
  if (!(Number.isInteger(chosen) && chosen >= 0 && chosen < 2 ** 32))
    refuse(`--seed ${seed} is not from 0 to 4294967295`)
  const majors = list('major', major, MAJORS).map(Number)
  return { shared: { seconds, majors, seed: chosen, out: resolve(dir) }, own, list }
}

function parsed({ out, more }, refuse) {
  const text = value => (value === undefined ? { type: 'string' } : { type: 'string', default: value })
  const own = Object.fromEntries(Object.entries(more).map(([name, value]) => [name, text(value)]))
  const shared = { minutes: text('5'), major: text('15,18'), seed: text(), out: text(out) }
  try {
    return parseArgs({ options: { ...own, ...shared, help: { type: 'boolean', default: false } } }).values
  } catch (error) {
    return refuse(error.message)
  }
}
