import type { Log } from '../log.ts'
import type { Sources } from '../sources.ts'
import type { WorkerMethods } from './methods.ts'
import type { Handlers } from './peer.ts'

interface Prepared {
  readonly reload: number
  readonly putInForce: () => void
}

/**
 * A worker's part in a reload. What one prepares may be ready long after another worker has refused it: it belongs to the
 * reload that it was prepared for, and no other ever puts it in force (threats F33).
 */
export function reloading(parts: {
  readonly prepare: (sources: Sources) => Promise<() => void>
  readonly setLevel: Log['setLevel']
}): Pick<Handlers<WorkerMethods>, 'prepare' | 'commit' | 'discard'> {
  let current: number | null = null
  let prepared: Prepared | null = null
  return {
    prepare: async ({ reload, sources }) => {
      current = reload
      prepared = null
      const putInForce = await parts.prepare(sources)
      if (current !== reload) throw new Error('this reload was given up meanwhile')
      prepared = { reload, putInForce }
      return null
    },
    commit: async ({ reload, logLevel }) => {
      if (prepared?.reload !== reload) throw new Error('nothing is prepared for this reload')
      prepared.putInForce()
      prepared = null
      parts.setLevel(logLevel)
      return null
    },
    discard: async ({ reload }) => {
      if (current !== reload) return null
      current = null
      prepared = null
      return null
    },
  }
}
