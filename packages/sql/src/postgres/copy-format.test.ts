import type { CopyFormat } from '@querywarden/policy-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { MAJORS } from './engine.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 100, limits: DEFAULT_LIMITS })
})

function formatOf(text: string): CopyFormat | undefined {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, smallCatalog())
  if (facts instanceof Promise || facts.kind === 'opaque') throw new Error('expected to be understood at once')
  return facts.copyFormat
}

const TEXT: CopyFormat = { kind: 'text', delimiter: '\t', nullText: '\\N', hasHeader: false }
const CSV: CopyFormat = { kind: 'csv', delimiter: ',', nullText: '', quote: '"', escape: '"', hasHeader: false }

describe('how COPY writes its rows', () => {
  test.each<[string, CopyFormat]>([
    ['', TEXT],
    ["DELIMITER '|' NULL ''", { ...TEXT, delimiter: '|', nullText: '' }],
    ["(FORMAT text, HEADER, ENCODING 'UTF-8')", { ...TEXT, hasHeader: true }],
    ['WITH CSV HEADER', { ...CSV, hasHeader: true }],
    ["CSV QUOTE '''' FORCE QUOTE *", { ...CSV, quote: "'", escape: "'" }],
    [
      `(FORMAT csv, DELIMITER ';', NULL 'x', QUOTE '"', ESCAPE '\\', HEADER on, FORCE_QUOTE (id))`,
      { ...CSV, delimiter: ';', nullText: 'x', escape: '\\', hasHeader: true },
    ],
    ['(FORMAT csv, HEADER 0)', CSV],
    ["(FORMAT csv, HEADER False, ENCODING 'unicode')", CSV],
    ['WITH BINARY', { kind: 'binary' }],
    ["(FORMAT binary, ENCODING 'utf8')", { kind: 'binary' }],
  ])('%s', (options, expected) => {
    expect(formatOf(`COPY orders TO STDOUT ${options}`)).toEqual(expected)
    expect(formatOf(`COPY (SELECT 1) TO STDOUT ${options}`)).toEqual(expected)
  })

  test("USING DELIMITERS '|'", () => {
    expect(formatOf("COPY orders TO STDOUT USING DELIMITERS '|'")).toEqual({ ...TEXT, delimiter: '|' })
  })

  test.each([
    "(ENCODING 'LATIN1')",
    "ENCODING 'SQL_ASCII'",
    "(FORMAT 'json')",
    '(FORMAT xml)',
    '("FORMAT" csv)',
    '(FORMAT csv, FORMAT text)',
    '(FORMAT csv, HEADER match)',
    '(FORMAT csv, HEADER 2)',
    "(DELIMITER 'ab')",
    "(NULL 'a\\')",
    "(DELIMITER '')",
    "(FORMAT csv, QUOTE 'é')",
    "(FORMAT text, QUOTE '\"')",
    "(FORMAT binary, DELIMITER ';')",
    '(FORMAT csv, FORCE_ARRAY true)',
    '(DELIMITER 1)',
  ])('P9: %s is not known, and then nobody can look into the data', options => {
    expect(formatOf(`COPY orders TO STDOUT ${options}`)).toBeUndefined()
  })

  test('rows that come in, and files, have none', () => {
    expect(formatOf('COPY orders FROM STDIN CSV')).toBeUndefined()
    expect(formatOf("COPY orders TO '/dev/null' CSV")).toBeUndefined()
    expect(formatOf('SELECT 1')).toBeUndefined()
  })
})
