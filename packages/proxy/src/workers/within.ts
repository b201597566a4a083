import { after } from '../timer.ts'

/** What a promise gives, or null where it takes longer. */
export function within<T>(msMax: number, promise: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const callOff = after(msMax, () => resolve(null))
    promise.then(resolve, reject).finally(callOff)
  })
}
