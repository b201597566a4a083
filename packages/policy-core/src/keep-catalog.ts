import type { Catalog } from './catalog.ts'

/** A target's schema, kept fresh. */
export interface CatalogKeeper {
  /** The snapshot, reloaded first where it is too old to decide by. Rejects when there is none. */
  readonly current: () => Promise<Catalog>
  /**
   * Drops the snapshot and loads another; callers that come meanwhile wait for it. If that fails, the next caller loads
   * again: what was known before the call decides nothing any more.
   */
  readonly refresh: () => Promise<Catalog>
}

/**
 * Keeps one snapshot. Younger than `freshMs` it is used as it is; older, it is used while a reload runs beside it; older
 * than `ageMsMax` nobody decides by it until the reload is there (threats F14, N3).
 *
 * @param options.load - Must settle in bounded time: one load runs at a time, and others wait for it.
 * @param options.monotonic - Milliseconds on a clock that never goes back.
 * @example
 * const keeper = keepCatalog({ load: () => loadCatalog(query, { searchPath }), monotonic, freshMs: 10_000, ageMsMax: 60_000 })
 * const gate = openGate({ …, catalog: keeper.current })
 */
export function keepCatalog(options: {
  readonly load: () => Promise<Catalog>
  readonly monotonic: () => number
  readonly freshMs: number
  readonly ageMsMax: number
}): CatalogKeeper {
  const { load, monotonic, freshMs, ageMsMax } = options
  let snapshot: { readonly catalog: Catalog; readonly loadedMs: number } | null = null
  let loading: Promise<Catalog> | null = null
  let queued: Promise<Catalog> | null = null
  let refreshes = 0

  const reload = async (): Promise<Catalog> => {
    const startedMs = monotonic()
    const startedAt = refreshes
    const catalog = await load()
    // A load may have read the schema before the change that a refresh is about.
    if (startedAt === refreshes) snapshot = { catalog, loadedMs: startedMs }
    return catalog
  }
  const start = (): Promise<Catalog> => {
    loading ??= reload().finally(() => {
      loading = null
    })
    return loading
  }
  const startAfter = async (earlier: Promise<Catalog>): Promise<Catalog> => {
    await earlier.catch(() => undefined)
    queued = null
    return start()
  }
  return {
    current: async () => {
      const age = snapshot === null ? Number.POSITIVE_INFINITY : monotonic() - snapshot.loadedMs
      if (snapshot === null || age > ageMsMax) return queued ?? start()
      // A failure shows when the snapshot has grown too old to be used without it.
      if (age > freshMs) start().catch(() => undefined)
      return snapshot.catalog
    },
    refresh: async () => {
      refreshes += 1
      snapshot = null
      if (loading === null) return start()
      queued ??= startAfter(loading)
      return queued
    },
  }
}
