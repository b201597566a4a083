import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url))
const BIN = join(PACKAGES, 'proxy/bin/querywarden.js')
/** The packages that the command is made of, those below first. */
const PARTS = [
  'policy-core',
  'wire',
  'identity',
  'sql',
  'masking',
  'approvals',
  'recording',
  'dev-servers',
  'proxy',
] as const

const run = promisify(execFile)

/** Builds what the command needs and is older than its source. Test files run at once, and one of them builds. */
export async function buildCommand(): Promise<void> {
  const lock = join(PACKAGES, '../node_modules/.querywarden-build')
  const giveUpAt = Date.now() + LOCK_MS_MAX
  while (!takes(lock)) {
    if (Date.now() > giveUpAt) rmdirSync(lock)
    await sleep(100)
  }
  try {
    for (const part of PARTS) {
      const dir = join(PACKAGES, part)
      if (builtAt(dir) < newestSource(dir))
        await run('npx', ['tsup'], { cwd: dir, env: { ...process.env, QUERYWARDEN_BUILD: 'fast' } })
    }
  } finally {
    rmdirSync(lock)
  }
}

const LOCK_MS_MAX = 60_000

function takes(lock: string): boolean {
  try {
    mkdirSync(lock)
    return true
  } catch {
    return false
  }
}

const builtAt = (dir: string): number =>
  existsSync(join(dir, 'dist')) ? newest(join(dir, 'dist'), file => file.endsWith('.js')) : 0

const newestSource = (dir: string): number =>
  newest(join(dir, 'src'), file => file.endsWith('.ts') && !file.endsWith('.test.ts'))

const newest = (dir: string, counts: (file: string) => boolean): number =>
  Math.max(
    0,
    ...readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter(counts)
      .map(file => statSync(join(dir, file)).mtimeMs),
  )

export interface Finished {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Whether something will be written to its standard input. */
  readonly input?: boolean
}

/** Runs the command to its end. */
export const querywarden = (args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
  start(args, options).ended

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
  /** What it has printed on standard output so far. */
  readonly out: () => string
  /** Resolves with the first match on standard output; rejects when the command ends without one. */
  readonly prints: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** Starts the command. Nothing of this process's environment but what finds programs is handed on. */
export function start(args: readonly string[], { env = {}, cwd, input = false }: RunOptions = {}): Started {
  const { PATH = '', HOME = '', TMPDIR } = process.env
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (!input) child.stdin.end()
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', exit => resolve({ exit, out, err }))
  })
  const prints = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(out)
        if (found !== null) resolve(found)
      }
      child.stdout.on('data', look)
      void ended.then(() => reject(new Error(`it ended without printing ${pattern}: ${out}${err}`)))
      look()
    })
  return { child, ended, out: () => out, prints }
}
