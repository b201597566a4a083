import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SHAPES } from '../../../test/identity-shapes.ts'
import { loadGrammar } from '../engine.ts'
import { lex } from '../lex.ts'
import { verify } from './postgres-rewriter.ts'

const PLACES = new Set([
  'location',
  'name_location',
  'stmt_location',
  'stmt_len',
  'list_start',
  'list_end',
  'rexpr_list_start',
  'rexpr_list_end',
])

/** Trees compared in another way than verify does it: field order counts, as one parser always writes the same one. */
const shapeOf = (tree: unknown): string =>
  JSON.stringify(tree, (field, value: unknown) => (PLACES.has(field) ? undefined : value))

const grammar = await loadGrammar(18)

const treeOf = (text: string) => {
  const outcome = grammar.parse(text)
  return outcome.kind === 'parsed' && outcome.statements.length === 1 ? outcome.statements[0] : undefined
}

/** One token changed: left out, doubled, swapped with the next, or replaced by another. */
const mutant = fc
  .record({
    text: fc.constantFrom(...SHAPES),
    at: fc.nat(),
    how: fc.constantFrom('drop', 'double', 'swap', 'replace'),
    by: fc.constantFrom(
      '*',
      ',',
      'only',
      'ssn',
      'id',
      'people',
      'public',
      '.',
      '"qw"',
      '1',
      "'x'",
      '(',
      ')',
      'null',
      'as',
      ';',
      'union',
    ),
  })
  .map(({ text, at, how, by }) => {
    const tokens = lex(text)
    const parts = tokens.map(({ start, end }) => text.slice(start, end))
    const solid = tokens.flatMap(({ kind }, index) => (kind === 'space' ? [] : index))
    const chosen = solid[at % solid.length] ?? 0
    const next = solid[(at % solid.length) + 1] ?? chosen
    const part = parts[chosen] ?? ''
    if (how === 'drop') parts[chosen] = ' '
    else if (how === 'double') parts[chosen] = `${part} ${part}`
    else if (how === 'replace') parts[chosen] = ` ${by} `
    else [parts[chosen], parts[next]] = [parts[next] ?? '', part]
    return { text, changed: parts.join('') }
  })

test('a changed text passes only where its tree is the one that was meant (T7)', () => {
  let caught = 0
  fc.assert(
    fc.property(mutant, ({ text, changed }) => {
      const meant = treeOf(text)
      if (meant === undefined) throw new Error(`a shape does not parse: ${text}`)
      const passes = verify(grammar, changed, meant).kind === 'rewritten'
      const tree = treeOf(changed)
      const isSame = tree !== undefined && tree.type === meant.type && shapeOf(tree.body) === shapeOf(meant.body)
      expect(passes).toBe(isSame)
      if (!passes) caught += 1
    }),
    { numRuns: 3000 },
  )
  expect(caught).toBeGreaterThan(1500)
})

test('every shape passes as it is, and with other white space', () => {
  for (const text of SHAPES) {
    const meant = treeOf(text)
    if (meant === undefined) throw new Error(`a shape does not parse: ${text}`)
    expect(verify(grammar, text, meant)).toEqual({ kind: 'rewritten', text })
    expect(verify(grammar, `  ${text}\n`, meant).kind).toBe('rewritten')
    expect(verify(grammar, `${text}; ${text}`, meant).kind).toBe('impossible')
  }
})
