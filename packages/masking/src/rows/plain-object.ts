/** An object that is nothing but its members: no class, or that of a driver's rows. */
export type PlainObject = Readonly<Record<string, unknown>>

/** Whether a value is an object literal, or one without a prototype. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Whether a value can be a row of named columns: any object but a list or a value of its own. */
export const isRowObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof Uint8Array)

/** An object of these members. Each is its own property, `__proto__` among them. */
export const objectOf = (members: readonly (readonly [string, unknown])[]): Record<string, unknown> =>
  Object.fromEntries(members)
