import type { Mask } from '@querywarden/policy-core'

/** A mask with its parameters; never a constant's value or where a key lives. */
export function maskName(mask: Mask): string {
  switch (mask.kind) {
    case 'partial':
      return `partial (first ${mask.first}, last ${mask.last})`
    case 'date-trunc':
      return `date-trunc (${mask.unit})`
    default:
      return mask.kind
  }
}
