// Property tests try other values on each run, to find more. What decides whether a change lands gives them a seed, so
// that it says the same of the same change; the seed of any other run stands in what it prints.
import fc from 'fast-check'

const { QUERYWARDEN_SEED } = process.env
if (QUERYWARDEN_SEED !== undefined) fc.configureGlobal({ seed: Number(QUERYWARDEN_SEED) })
