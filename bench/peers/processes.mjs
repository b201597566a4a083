// Processes that a benchmark with many connections needs: started with as many file descriptors as they are allowed, and
// known to be ready by the first line that they print.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const here = fileURLToPath(new URL('..', import.meta.url))
export const gatewayBin = fileURLToPath(new URL('../../packages/proxy/bin/querywarden.js', import.meta.url))

/** How many descriptors a child may have when it asks for so many: a shell may only lower its hard limit, root may raise it. */
export function descriptorsFor(wanted) {
  const { stdout } = spawnSync('sh', ['-c', `${limited(wanted)}; ulimit -n`], { encoding: 'utf8' })
  const got = stdout.trim()
  return got === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(got)
}

const limited = wanted => `ulimit -n ${wanted} 2>/dev/null || ulimit -n $(ulimit -Hn)`

/** Starts `node ARGS…` and resolves with the child and its first line of output. */
export async function startNode(children, args, { env = {}, descriptors = 65_536, match = /./ } = {}) {
  const child = spawn('sh', ['-c', `${limited(descriptors)}; exec "$0" "$@"`, process.execPath, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([
    (async () => {
      for await (const [text] of on(lines)) if (match.test(text)) return [text]
      return ['']
    })(),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${args[0]} ended with ${code}`))),
  ])
  lines.on('line', () => undefined)
  return { child, line, lines }
}

async function* on(lines) {
  const queue = []
  let wake = () => undefined
  const onLine = line => {
    queue.push([line])
    wake()
  }
  lines.on('line', onLine)
  try {
    for (;;) {
      while (queue.length > 0) yield queue.shift()
      await new Promise(resolve => {
        wake = resolve
      })
    }
  } finally {
    lines.off('line', onLine)
  }
}

/** The next line that fits. */
export async function nextLine(lines, match) {
  for await (const [line] of on(lines)) if (match.test(line)) return line
  return ''
}

export async function stopAll(children, signal = 'SIGKILL') {
  for (const child of children) child.kill(signal)
  await Promise.all(
    children.map(child => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null)),
  )
}

/** What a process and its workers hold in memory, in bytes. */
export function resident({ pid }) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return workers.reduce(
    (sum, worker) => sum + resident({ pid: worker }),
    Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024,
  )
}

export const settled = ms => new Promise(resolve => setTimeout(resolve, ms))
