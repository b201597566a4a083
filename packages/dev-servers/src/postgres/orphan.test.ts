import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isRunning } from './is-running.ts'

const packageDir = fileURLToPath(new URL('../..', import.meta.url))
let dir: string
beforeAll(async () => {
  // Beside the package, so that its dependencies are found.
  dir = await mkdtemp(join(packageDir, 'node_modules', '.orphan-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    root: packageDir,
    build: { ssr: 'src/index.ts', outDir: dir, rollupOptions: { output: { entryFileNames: 'built.mjs' } } },
  })
  await writeFile(
    join(dir, 'starter.mjs'),
    `import { startPostgres } from './built.mjs'
     const server = await startPostgres()
     console.log(JSON.stringify({ pid: server.pid, dataDir: server.dataDir }))
     if (process.argv[2] === 'forget') { /* nothing else to do: the process must be able to end */ }
     else setInterval(() => undefined, 1000)`,
  )
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'forget'] as const)(
  'a server ends with the process that started it: %s',
  async how => {
    const starter = spawn(process.execPath, [join(dir, 'starter.mjs'), how], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(starter, 'exit')
    const [line] = await once(starter.stdout, 'data')
    const { pid, dataDir } = JSON.parse(String(line))
    if (how !== 'forget') {
      expect(isRunning(pid)).toBe(true)
      starter.kill(how)
    }
    await ended
    for (let tries = 0; tries < 500 && (isRunning(pid) || existsSync(dataDir)); tries++) await setTimeout(20)
    expect(isRunning(pid)).toBe(false)
    expect(existsSync(dataDir)).toBe(false)
  },
)
