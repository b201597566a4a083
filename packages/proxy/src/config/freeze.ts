/** Makes data unchangeable, down to its leaves: what was checked once must stay as it was checked (threats O4). */
export function freeze<T>(data: T): T {
  if (typeof data !== 'object' || data === null || Object.isFrozen(data)) return data
  Object.freeze(data)
  for (const part of Object.values(data)) freeze(part)
  return data
}
