import type { Dialect } from './statement.ts'

/** A database behind the gateway, as policy sees it. Its address and credential stay with whoever connects. */
export interface Target {
  readonly name: string
  readonly dialect: Dialect
}
