// Loaded before querywarden (node --import), so that it records nothing: what is left of its work is all but recording.
import { register } from 'node:module'

register('./null-recorder-hooks.mjs', import.meta.url)
