import type { Catalog } from './catalog.ts'

/** A target's schema, kept fresh. */
export interface CatalogKeeper {
  /** The snapshot, compared or reloaded first where it is too old to decide by. Rejects when there is none. */
  readonly current: () => Promise<Catalog>
  /**
   * Drops the snapshot and loads another; callers that come meanwhile wait for it. If that fails, the next caller loads
   * again: what was known before the call decides nothing any more.
   */
  readonly refresh: () => Promise<Catalog>
  /** Something didn't fit the snapshot: the next who asks waits until it has been compared again. */
  readonly suspect: () => void
  /** How long ago the snapshot was known to be the database's, in milliseconds; null where there is none. */
  readonly ageMs: () => number | null
}

/** How {@link keepCatalog} loads, and how old it lets a snapshot grow. Times in milliseconds. */
export interface CatalogKeeping {
  /** Must settle in bounded time: one load runs at a time, and others wait for it. */
  readonly load: () => Promise<Catalog>
  /** On a clock that never goes back. */
  readonly monotonic: () => number
  /** From when on a snapshot that can't be compared is reloaded beside its use. */
  readonly freshMs: number
  /** From when on nobody decides by a snapshot that nothing has confirmed. */
  readonly ageMsMax: number
  /** How a change is seen without a load; null: by loading alone. */
  readonly probe: CatalogProbe | null
}

/** A cheap look at whether the schema is still the same. */
export interface CatalogProbe {
  /** Says by a text which version of the schema the database has. Must settle in bounded time. */
  readonly version: () => Promise<string>
  /** How long a comparison is good for. Longer where one takes more than a twentieth of that. */
  readonly everyMs: number
}

interface Snapshot {
  readonly catalog: Catalog
  readonly loadedMs: number
  /** When it was last known to be what the database has. */
  readonly checkedMs: number
  /** As it was before the load; null where it couldn't be had. */
  readonly version: string | null
}

/** What a probe may take of the time between two. */
const PROBE_SHARE = 20
/** A snapshot under suspicion is good for this part of the time: whoever makes errors can't have it compared for each. */
const SUSPECT_PARTS = 10

/**
 * Keeps one snapshot. With a probe it is compared with the database before a decision, if that wasn't done a moment ago,
 * and loaded again if the schema has moved or can't be compared. Without one, or where the probe fails, it is used as it
 * is while younger than `freshMs`; older, it is used while a reload runs beside it. What nothing has confirmed for longer
 * than `ageMsMax` decides nothing until a reload is there (threats F14, N2, N3).
 *
 * @example
 * const keeper = keepCatalog({
 *   load: () => loadCatalog(query, { searchPath }),
 *   monotonic,
 *   freshMs: 10_000,
 *   ageMsMax: 60_000,
 *   probe: { version: () => schemaVersion(query), everyMs: 1_000 },
 * })
 * const gate = openGate({ …, catalog: keeper.current })
 */
export function keepCatalog(options: CatalogKeeping): CatalogKeeper {
  const { load, monotonic, freshMs, ageMsMax, probe } = options
  let snapshot: Snapshot | null = null
  let loading: Promise<Catalog> | null = null
  let queued: Promise<Catalog> | null = null
  let comparing: Promise<Catalog> | null = null
  let refreshes = 0
  let suspicions = 0
  let settled = 0
  let probeMs = 0
  /** After a comparison failed, nobody waits for the next before this. */
  let pausedUntilMs = Number.NEGATIVE_INFINITY

  const reload = async (): Promise<Catalog> => {
    const startedMs = monotonic()
    const startedAt = refreshes
    // Before the load, so that what changes while it runs shows at the next comparison.
    const version = probe === null ? null : await probe.version().catch(() => null)
    const catalog = await load()
    // A load may have read the schema before the change that a refresh is about.
    if (startedAt === refreshes) snapshot = { catalog, loadedMs: startedMs, checkedMs: startedMs, version }
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
  const refresh = async (): Promise<Catalog> => {
    refreshes += 1
    snapshot = null
    if (loading === null) return start()
    queued ??= startAfter(loading)
    return queued
  }
  const compareNow = async ({ version }: CatalogProbe): Promise<Catalog> => {
    const startedMs = monotonic()
    const [startedAt, suspected] = [refreshes, suspicions]
    const found = await version().catch(() => null)
    probeMs = monotonic() - startedMs
    if (snapshot === null || startedAt !== refreshes) return queued ?? start()
    if (found === null) return withoutProbe(snapshot)
    settled = suspected
    if (snapshot.version !== found) return refresh()
    snapshot = { ...snapshot, checkedMs: Math.max(startedMs, snapshot.checkedMs) }
    return snapshot.catalog
  }
  /** A probe that fails counts as a load that failed: a load is tried, and what is known serves until it is too old. */
  const withoutProbe = async (known: Snapshot): Promise<Catalog> => {
    pausedUntilMs = monotonic() + freshMs
    try {
      const catalog = await start()
      // It has asked for the version too: where that went well, so will the next comparison.
      if (snapshot !== null && snapshot !== known && snapshot.version !== null) pausedUntilMs = Number.NEGATIVE_INFINITY
      return catalog
    } catch (error) {
      if (monotonic() - known.checkedMs > ageMsMax || snapshot !== known) throw error
      return known.catalog
    }
  }
  const compare = (looking: CatalogProbe): Promise<Catalog> => {
    comparing ??= compareNow(looking).finally(() => {
      comparing = null
    })
    return comparing
  }

  return {
    current: async () => {
      const nowMs = monotonic()
      if (snapshot === null || nowMs - snapshot.checkedMs > ageMsMax) return queued ?? start()
      const { catalog, loadedMs, checkedMs, version } = snapshot
      if (probe === null || version === null || nowMs < pausedUntilMs) {
        // A failure shows when the snapshot has grown too old to be used without it.
        if (nowMs - loadedMs > freshMs) start().catch(() => undefined)
        return catalog
      }
      // Now and then all the same: the version doesn't tell everything.
      if (nowMs - loadedMs > ageMsMax) start().catch(() => undefined)
      const goodForMs = Math.max(probe.everyMs, probeMs * PROBE_SHARE) / (suspicions > settled ? SUSPECT_PARTS : 1)
      if (nowMs - checkedMs > goodForMs) return compare(probe)
      // Ahead of time, so that under traffic nobody waits for it.
      if (nowMs - checkedMs > goodForMs / 2) compare(probe).catch(() => undefined)
      return catalog
    },
    refresh,
    suspect: () => {
      suspicions += 1
    },
    ageMs: () => (snapshot === null ? null : monotonic() - snapshot.checkedMs),
  }
}
