import { spawn } from 'node:child_process'
import type { RunCommand } from '@querywarden/recording'

/**
 * Runs a program without a shell and gives what it wrote to standard output. Its standard error is the gateway's own. It has
 * the gateway's environment, so that a program that asks a key service finds its credentials.
 */
export const runCommand: RunCommand = ([file = '', ...args], { input, timeMsMax, outputBytesMax }) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], shell: false })
    const chunks: Uint8Array[] = []
    let bytes = 0
    const fail = (why: string): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(why))
    }
    const timer = setTimeout(() => fail(`it took longer than ${timeMsMax} ms`), timeMsMax)
    child.on('error', error => fail(`it can't be started (${'code' in error ? String(error.code) : 'unknown error'})`))
    child.stdout.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes > outputBytesMax) fail(`it wrote more than ${outputBytesMax} bytes`)
      else chunks.push(chunk)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(Buffer.concat(chunks))
      else reject(new Error(`it ended with ${code === null ? String(signal) : `code ${code}`}`))
    })
    // Who doesn't read what it is given closes the pipe; how it ends says whether that was well.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
