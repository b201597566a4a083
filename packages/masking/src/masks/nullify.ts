import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'

/** NULL for every type. Shows nothing. */
export const nullify = (): CompiledMask => TO_NULL
