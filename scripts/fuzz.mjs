// npm run fuzz [-- options]: messages by the thousand against the codec's laws. --help says more.
import { createHash, randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bootstrap, root } from './bootstrap.mjs'

const USAGE = `npm run fuzz -- [options]

Makes PostgreSQL messages by the protocol's grammar, damages some of them, cuts streams of them anywhere, and tries
the laws of @querywarden/wire on each:

  - FrameBuffer, FrameScanner and StartupBuffer give exactly the frames that came, however they were cut, with the same
    refusal, also when each chunk overwrites the one before;
  - decoding throws nothing but a FrameError;
  - what decodes encodes to the same bytes;
  - what the grammar makes is accepted, and so is what real servers and clients sent (packages/wire/test/fuzz/corpus);
  - every trial ends, and memory doesn't grow.

The codec's code coverage, as V8 counts it, guides the first seconds: bytes that reach code of their own are kept to
make others of.

  --seconds N      stop after so long; 60 unless --messages is given
  --messages N     stop after so many messages of each side
  --seed S         the same run again: 0 to 4294967295; else at random, and printed
  --direction D    frontend (what clients send, start-up included), backend, or both; both unless given
  --out DIR        where the bytes that break a law are written; fuzz-findings unless given
  --replay FILE    try the laws on such a file, and nothing else
  --help           this

Ends with 0 where all laws hold, 1 where one is broken (its seed and the fewest bytes that break it are printed), and 2
for options that make no sense.`

const CORPUS = 'packages/wire/test/fuzz/corpus'

const options = readOptions()
if (options.help) {
  console.log(USAGE)
  process.exit(0)
}
bootstrap()
const { replay, watchFuzz } = await fuzzer()
const outcome =
  options.replay === null
    ? await watchFuzz({ ...options, corpus: join(root, CORPUS), print: console.log })
    : replayed(replay)
if (outcome !== null) tellOf(outcome)
else console.log('All laws hold.')
process.exit(outcome === null ? 0 : 1)

function readOptions() {
  const { seconds, messages, seed, direction, out, replay, help } = parsed()
  if (help) return { help: true }
  const messagesMax = number('messages', messages, Number.MAX_SAFE_INTEGER)
  const secondsMax = number('seconds', seconds ?? (messages === undefined ? '60' : undefined), 1e9)
  const directions = { frontend: ['frontend'], backend: ['backend'], both: ['frontend', 'backend'] }[direction]
  if (directions === undefined) usage(`--direction ${direction} is none of frontend, backend and both`)
  const chosen = seed === undefined ? randomInt(2 ** 32) : number('seed', seed, 2 ** 32 - 1)
  if (replay === undefined) console.log(`Seed ${chosen}`)
  return { seed: chosen, directions, messagesMax, secondsMax, out: resolve(out), replay: replay ?? null }
}

function parsed() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: {
        seconds: text,
        messages: text,
        seed: text,
        direction: { ...text, default: 'both' },
        out: { ...text, default: 'fuzz-findings' },
        replay: text,
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    usage(error.message)
  }
}

/** A whole number from 0 (a seed) or 1 on; without one, the largest. */
function number(name, text, max) {
  if (text === undefined) return max
  const value = Number(text)
  const min = name === 'seed' ? 0 : 1
  if (!/^\d+$/.test(text) || value < min || value > max)
    usage(`--${name} ${text} is not a whole number from ${min} to ${max}`)
  return value
}

function replayed(replay) {
  try {
    return replay(readFileSync(options.replay, 'utf8'))
  } catch (error) {
    usage(`--replay ${options.replay}: ${error.message}`)
  }
}

function usage(message) {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}

/** The fuzzer, bundled with the codec's sources into one script: what V8 counts is counted by script. */
async function fuzzer() {
  const { build } = await import('tsup')
  const outDir = join(root, 'node_modules', '.cache', 'querywarden-fuzz')
  await build({
    config: false,
    entry: { fuzz: join(root, 'packages/wire/test/fuzz/command.ts') },
    outDir,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    outExtension: () => ({ js: '.mjs' }),
    dts: false,
    silent: true,
  })
  return import(pathToFileURL(join(outDir, 'fuzz.mjs')).href)
}

function tellOf({ law, detail, text }) {
  console.log(`\nBroken: ${law} (${detail})\n\n${text}`)
  if (options.replay !== null) return
  const file = join(options.out, `${createHash('sha256').update(text).digest('hex').slice(0, 12)}.txt`)
  mkdirSync(options.out, { recursive: true })
  writeFileSync(file, text)
  console.log(`Written to ${relative(process.cwd(), file)}. Try it again: npm run fuzz -- --replay ${file}`)
}
