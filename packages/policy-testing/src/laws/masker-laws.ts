import type { Cell, Masker, ResultColumn, ResultPlan } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expectThat, type Law, type Runs } from './law.ts'

const TEXT_OID = 25
const CARD = '4111111111111111'

const textColumn = (format: ResultColumn['format']): ResultColumn => ({
  name: 'note',
  tableOid: 0,
  attnum: 0,
  typeOid: TEXT_OID,
  typmod: -1,
  format,
})

const PLAN: ResultPlan = { detect: [{ detector: 'credit-card', mask: { kind: 'redact' } }] }

/**
 * What every result-side masker must keep.
 *
 * @example
 * for (const law of maskerLaws(() => masker(options), { runs: 500 })) test(law.name, law.check)
 */
export const maskerLaws = (make: () => Masker | Promise<Masker>, { runs }: Runs): readonly Law[] => [
  {
    name: 'a plan that hides nothing changes no cell',
    check: async () =>
      expectThat((await make())({ detect: [] }, [textColumn('text')]) === null, 'a mask without a reason'),
  },
  {
    name: 'a detected value never leaves',
    check: async () => {
      const masker = await make()
      const property = fc.property(lettersAround(), forms(), ([before, after], form) => {
        const row = masked(masker, [cellOf(`${before} ${CARD} ${after}`, form)])
        expectThat(!textOf(row[0] ?? null).includes(CARD), 'a card number left in the clear')
      })
      fc.assert(property, { numRuns: runs })
    },
  },
  {
    name: 'NULL stays NULL, and cells stay in number',
    check: async () => {
      const masker = await make()
      const property = fc.property(fc.array(fc.option(fc.string())), cells => {
        const row = masked(masker, [...cells])
        expectThat(row.length === cells.length, 'a row changed its length')
        expectThat(
          cells.every((cell, index) => cell !== null || row[index] === null),
          'NULL became a value',
        )
      })
      fc.assert(property, { numRuns: runs })
    },
  },
]

/** Letters only: digits beside a card number make it another number. */
const lettersAround = (): fc.Arbitrary<[string, string]> => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'z', ' ', 'é', ',', '\n'), maxLength: 12 })
  return fc.tuple(letters, letters)
}

const forms = (): fc.Arbitrary<'text' | 'bytes'> => fc.constantFrom('text', 'bytes')

const cellOf = (text: string, form: 'text' | 'bytes'): Cell => (form === 'text' ? text : new TextEncoder().encode(text))

const textOf = (cell: Cell): string => (cell instanceof Uint8Array ? new TextDecoder().decode(cell) : (cell ?? ''))

function masked(masker: Masker, cells: Cell[]): Cell[] {
  masker(
    PLAN,
    cells.map(() => textColumn('text')),
  )?.(cells)
  return cells
}
