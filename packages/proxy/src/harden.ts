/**
 * Takes `__proto__` away from all objects, as `node --disable-proto=throw` does, which a program's first line can't ask
 * for on every system: a key from outside that reaches for it then fails instead of changing what all objects inherit
 * (threats O4). Called before anything else is loaded.
 */
export function disableProto(): void {
  const refuse = (): never => {
    throw new TypeError('`__proto__` is disabled; expected Object.getPrototypeOf or Object.setPrototypeOf')
  }
  Object.defineProperty(Object.prototype, '__proto__', {
    get: refuse,
    set: refuse,
    enumerable: false,
    configurable: false,
  })
}
