import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { beforeAll, describe, expect, test } from 'vitest'
import { fileRecorder, listRecordings, localKeys, readRecording, verifyDirectory } from '../src/index.ts'
import { KEK, optionsFor, temporaryDir } from './fixtures.ts'
import { rowsOf } from './rows-fixtures.ts'

const DIRECTORIES = 5
const KILLS_EACH = 4
type Tier = 'standard' | 'strict'
let writer: string

beforeAll(async () => {
  const outDir = await temporaryDir()
  await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('.', import.meta.url)),
    resolve: { conditions: ['@querywarden/source'] },
    ssr: { noExternal: true, target: 'node', resolve: { conditions: ['@querywarden/source', 'node', 'import'] } },
    build: {
      ssr: fileURLToPath(new URL('./kill-writer.ts', import.meta.url)),
      outDir,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'writer.mjs' } },
    },
  })
  writer = join(outDir, 'writer.mjs')
})

/** Lets a writer write, kills it with SIGKILL so long after its first line or its start, and gives the lines that it got out. */
async function writeAndKill(
  dir: string,
  tier: Tier,
  afterMs: number,
  from: 'first line' | 'start' = 'first line',
): Promise<readonly string[]> {
  const child = spawn(process.execPath, [writer, dir, tier], { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (from === 'first line') await once(child.stdout, 'data')
  await wait(afterMs)
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  const [, signal]: unknown[] = await closed
  expect(signal).toBe('SIGKILL')
  const text = Buffer.concat(chunks).toString()
  return text.slice(0, text.lastIndexOf('\n')).split('\n')
}

/** All that the recordings of a directory account for, in the writer's words. */
async function recordedLines(dir: string): Promise<ReadonlySet<string>> {
  const lines = new Set<string>()
  for (const { file, header } of await listRecordings(dir)) {
    if (file === null || header === null) continue
    const rows = new Map<number, number>()
    for await (const event of readRecording(file, { kek: KEK })) {
      if (event.kind === 'intent') lines.add(`${header.session} ${event.statement} intent`)
      if (event.kind === 'rows') {
        expect(event.first).toBe(rows.get(event.statement) ?? 0)
        rows.set(event.statement, event.first + event.rows)
      }
      if (event.kind !== 'completion') continue
      lines.add(`${header.session} ${event.statement} outcome`)
      const parts = event.completion.kind === 'not-run' ? Number(event.completion.why) : Number.NaN
      const part = event.statement % 5 === 0 ? 200_000 : 1_500
      expect(rows.get(event.statement) ?? 0).toBe(parts * rowsOf(1, part).rows)
    }
  }
  return lines
}

const keys = localKeys(KEK, count => Buffer.alloc(count))
const verdicts = async (dir: string) => (await verifyDirectory(dir, { keys })).recordings.map(({ verdict }) => verdict)

describe.each<Tier>(['standard', 'strict'])('R5, F24: a writer in the %s tier, killed with SIGKILL', tier => {
  test(`${DIRECTORIES * KILLS_EACH} times, whenever: nothing acknowledged is lost, nothing broken passes for whole, and the next start ends it`, {
    timeout: 240_000,
  }, async () => {
    let interrupted = 0
    let fromTail = 0
    for (let d = 0; d < DIRECTORIES; d++) {
      const dir = await temporaryDir()
      const acknowledged: string[] = []
      for (let kill = 0; kill < KILLS_EACH; kill++) {
        acknowledged.push(...(await writeAndKill(dir, tier, Math.random() * 120)))
        const before = await verdicts(dir)
        // UNANCHORED: killed after the closing frame was durable and before the log said so.
        for (const verdict of before) expect(verdict.kind).toMatch(/^(COMPLETE|OPEN|TORN|UNANCHORED)$/)
        const unended = before.filter(
          verdict =>
            verdict.kind === 'OPEN' ||
            verdict.kind === 'UNANCHORED' ||
            (verdict.kind === 'TORN' && verdict.recovered === null),
        )
        interrupted += before.filter(({ kind }) => kind === 'OPEN').length
        const next = await fileRecorder(optionsFor(dir))
        expect(next.recovery).toMatchObject({ left: [], missing: [], tornTails: [] })
        expect(next.recovery.recovered.length + next.recovery.confirmed.length).toBe(unended.length)
        fromTail += next.recovery.recovered.reduce((sum, { tailEntries }) => sum + tailEntries, 0)
        await next.close()
        for (const verdict of await verdicts(dir)) {
          if (verdict.kind !== 'COMPLETE')
            expect(verdict).toMatchObject({ kind: 'TORN', recovered: { boot: expect.any(String) } })
          if (verdict.kind === 'TORN') expect(verdict.anchoredFrames).toBe(verdict.frames)
        }
        const recorded = await recordedLines(dir)
        expect(acknowledged.filter(line => !recorded.has(line))).toEqual([])
      }
      expect(acknowledged.length).toBeGreaterThan(20)
    }
    expect(interrupted).toBeGreaterThan(DIRECTORIES * KILLS_EACH)
    // In the standard tier what a kill leaves in the tail is what this is about; in the strict one there is none.
    if (tier === 'standard') expect(fromTail).toBeGreaterThan(DIRECTORIES * KILLS_EACH)
    else expect(fromTail).toBe(0)
  })

  test('and starts after it killed while they recover: nothing is lost, doubled or told as changed', {
    timeout: 120_000,
  }, async () => {
    const dir = await temporaryDir()
    const acknowledged: string[] = []
    for (let round = 0; round < 4; round++) {
      acknowledged.push(...(await writeAndKill(dir, tier, 60)))
      // From before it has loaded to after it has begun to write.
      for (const afterMs of [60, 100, 140, 180, 240]) {
        const lines = await writeAndKill(dir, tier, afterMs + Math.random() * 40, 'start')
        acknowledged.push(...lines.filter(line => line !== ''))
      }
    }
    const next = await fileRecorder(optionsFor(dir))
    expect(next.recovery).toMatchObject({ left: [], missing: [], tornTails: [] })
    await next.close()
    for (const verdict of await verdicts(dir)) expect(verdict.kind).toMatch(/^(COMPLETE|TORN)$/)
    const recorded = await recordedLines(dir)
    expect(acknowledged.filter(line => !recorded.has(line))).toEqual([])
    const again = await fileRecorder(optionsFor(dir))
    expect(Object.values(again.recovery).flat()).toEqual([])
    await again.close()
  })
})
