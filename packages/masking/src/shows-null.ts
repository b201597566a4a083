import type { Mask } from '@querywarden/policy-core'
import { columnType } from './column-type.ts'
import { compileMask } from './compile-mask.ts'

/** Whichever key it has, a hash shows the same kind of value. */
const ANY_KEY = new Uint8Array(32)

/**
 * Whether a mask shows every value of a column of this type as NULL, because it has no such value of the type.
 *
 * @example
 * showsNull({ kind: 'partial', first: 0, last: 4, fill: '*' }, { typeOid: 23, typmod: -1 }) // true: an integer
 */
export const showsNull = (
  mask: Mask,
  { typeOid, typmod }: { readonly typeOid: number; readonly typmod: number },
): boolean => compileMask(mask, columnType(typeOid, typmod), () => ANY_KEY).kind === 'null'
