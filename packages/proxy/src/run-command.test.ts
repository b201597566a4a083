import { describe, expect, test } from 'vitest'
import { runCommand } from './run-command.ts'

const node = (script: string): readonly string[] => [process.execPath, '-e', script]
const run = (command: readonly string[], more: { readonly timeMsMax?: number; readonly input?: string } = {}) =>
  runCommand(command, { input: Buffer.from(more.input ?? ''), timeMsMax: more.timeMsMax ?? 20_000, outputBytesMax: 64 })

describe('a command', () => {
  test('gets its input and gives its output', async () => {
    const output = await run(node('process.stdin.pipe(process.stdout)'), { input: 'a text' })
    expect(Buffer.from(output).toString()).toBe('a text')
  })

  test('meets no shell: its arguments are as they are written', async () => {
    const script = 'console.log(JSON.stringify(process.argv.slice(1)))'
    const output = await run([...node(script), '--', '$HOME; exit', '`id`'])
    expect(JSON.parse(Buffer.from(output).toString())).toEqual(['$HOME; exit', '`id`'])
  })

  test.each([
    ['fails', node('process.exit(3)'), 'it ended with code 3'],
    ['is killed', node("process.kill(process.pid, 'SIGTERM')"), 'it ended with SIGTERM'],
    ['is not there', ['/nonexistent/sign'], "it can't be started (ENOENT)"],
    ['is none', [''], /it can't be started|must not be empty|cannot be empty|argument 'file'/],
    ['writes too much', node("process.stdout.write('x'.repeat(1e6))"), 'it wrote more than 64 bytes'],
  ] as const)('that %s is told so', async (_, command, message) => {
    await expect(run(command, { input: 'x'.repeat(200_000) })).rejects.toThrow(message)
  })

  test('that takes too long is ended', async () => {
    await expect(run(node('setInterval(() => 0, 1000)'), { timeMsMax: 300 })).rejects.toThrow(
      'it took longer than 300 ms',
    )
  })
})
