import { recorderLaws } from '@querywarden/policy-testing'
import { describe, test } from 'vitest'
import { fileRecorder } from '../src/index.ts'
import { opening, optionsFor, temporaryDir } from './fixtures.ts'

describe.each(['standard', 'strict'] as const)('a file recorder, %s', durability => {
  const laws = recorderLaws(async () => {
    const { record } = await fileRecorder(optionsFor(await temporaryDir(), { durability }))
    return { record, opening: opening() }
  })
  for (const law of laws) test(law.name, law.check)
})
