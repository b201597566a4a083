// Loaded before querywarden (node --import), so that it records nothing: what is left of its work is all but recording.
import { register } from 'node:module'

// Asked for here: a hook that imports what it is asked for waits for itself.
const names = Object.keys(await import('@querywarden/recording'))
register('./null-recorder-hooks.mjs', import.meta.url, { data: { names } })
