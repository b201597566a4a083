import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { assembleKernel, kernelBytesFile, kernelText } from '../scripts/kernel-text.mjs'

test('the kernel that ships is what its source assembles to, byte for byte', async () => {
  expect(await assembleKernel(readFileSync(kernelText, 'utf8'))).toBe(readFileSync(kernelBytesFile, 'utf8'))
})
