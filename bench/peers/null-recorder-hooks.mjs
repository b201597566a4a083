// Puts peers/null-recording.mjs in the place of @querywarden/recording, for everybody but itself.
const stand = new URL('./null-recording.mjs', import.meta.url).href

export const resolve = (specifier, context, next) =>
  specifier === '@querywarden/recording' && context.parentURL !== stand
    ? { url: stand, shortCircuit: true }
    : next(specifier, context)
