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

/** What a keeper knows, and what it is about. */
interface Keeping {
  snapshot: Snapshot | null
  loading: Promise<Catalog> | null
  queued: Promise<Catalog> | null
  comparing: Promise<Catalog> | null
  refreshes: number
  suspicions: number
  /** How many suspicions had come when the last comparison began. */
  settled: number
  /** How long the last probe took. */
  probeMs: number
  /** After a comparison failed, nobody waits for the next before this. */
  pausedUntilMs: number
}

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
  const kept: Keeping = {
    snapshot: null,
    loading: null,
    queued: null,
    comparing: null,
    refreshes: 0,
    suspicions: 0,
    settled: 0,
    probeMs: 0,
    pausedUntilMs: Number.NEGATIVE_INFINITY,
  }
  return {
    current: async () => current(options, kept),
    refresh: async () => refresh(options, kept),
    suspect: () => {
      kept.suspicions += 1
    },
    ageMs: () => (kept.snapshot === null ? null : options.monotonic() - kept.snapshot.checkedMs),
  }
}

function current(options: CatalogKeeping, kept: Keeping): Catalog | Promise<Catalog> {
  const { monotonic, freshMs, ageMsMax, probe } = options
  const nowMs = monotonic()
  if (kept.snapshot === null || nowMs - kept.snapshot.checkedMs > ageMsMax) return kept.queued ?? start(options, kept)
  const { catalog, loadedMs, checkedMs, version } = kept.snapshot
  const reloadBeside = (afterMs: number): void => {
    // A failure shows when the snapshot has grown too old to be used without it.
    if (nowMs - loadedMs > afterMs) start(options, kept).catch(() => undefined)
  }
  if (probe === null || version === null || nowMs < kept.pausedUntilMs) {
    reloadBeside(freshMs)
    return catalog
  }
  // Now and then all the same: the version doesn't tell everything, such as that a lock is gone.
  reloadBeside(catalog.isPartial === true ? freshMs : ageMsMax)
  const parts = kept.suspicions > kept.settled ? SUSPECT_PARTS : 1
  const goodForMs = Math.max(probe.everyMs, kept.probeMs * PROBE_SHARE) / parts
  if (nowMs - checkedMs > goodForMs) return compare(options, kept, probe)
  // Ahead of time, so that under traffic nobody waits for it.
  if (nowMs - checkedMs > goodForMs / 2) compare(options, kept, probe).catch(() => undefined)
  return catalog
}

async function reload({ load, monotonic, probe }: CatalogKeeping, kept: Keeping): Promise<Catalog> {
  const startedMs = monotonic()
  const startedAt = kept.refreshes
  // Before the load, so that what changes while it runs shows at the next comparison.
  const version = probe === null ? null : await probe.version().catch(() => null)
  const catalog = await load()
  // A load may have read the schema before the change that a refresh is about.
  if (startedAt === kept.refreshes) kept.snapshot = { catalog, loadedMs: startedMs, checkedMs: startedMs, version }
  return catalog
}

function start(options: CatalogKeeping, kept: Keeping): Promise<Catalog> {
  kept.loading ??= reload(options, kept).finally(() => {
    kept.loading = null
  })
  return kept.loading
}

function refresh(options: CatalogKeeping, kept: Keeping): Promise<Catalog> {
  kept.refreshes += 1
  kept.snapshot = null
  if (kept.loading === null) return start(options, kept)
  kept.queued ??= startAfter(kept.loading, options, kept)
  return kept.queued
}

async function startAfter(earlier: Promise<Catalog>, options: CatalogKeeping, kept: Keeping): Promise<Catalog> {
  await earlier.catch(() => undefined)
  kept.queued = null
  return start(options, kept)
}

function compare(options: CatalogKeeping, kept: Keeping, probe: CatalogProbe): Promise<Catalog> {
  kept.comparing ??= compareNow(options, kept, probe).finally(() => {
    kept.comparing = null
  })
  return kept.comparing
}

async function compareNow(options: CatalogKeeping, kept: Keeping, { version }: CatalogProbe): Promise<Catalog> {
  const startedMs = options.monotonic()
  const [startedAt, suspected] = [kept.refreshes, kept.suspicions]
  const found = await version().catch(() => null)
  kept.probeMs = options.monotonic() - startedMs
  if (kept.snapshot === null || startedAt !== kept.refreshes) return kept.queued ?? start(options, kept)
  if (found === null) return withoutProbe(options, kept, kept.snapshot)
  kept.settled = suspected
  if (kept.snapshot.version !== found) return refresh(options, kept)
  kept.snapshot = { ...kept.snapshot, checkedMs: Math.max(startedMs, kept.snapshot.checkedMs) }
  return kept.snapshot.catalog
}

/** A probe that fails counts as a load that failed: a load is tried, and what is known serves until it is too old. */
async function withoutProbe(options: CatalogKeeping, kept: Keeping, known: Snapshot): Promise<Catalog> {
  const { monotonic, freshMs, ageMsMax } = options
  kept.pausedUntilMs = monotonic() + freshMs
  try {
    const catalog = await start(options, kept)
    const { snapshot } = kept
    // It has asked for the version too: where that went well, so will the next comparison.
    if (snapshot !== null && snapshot !== known && snapshot.version !== null)
      kept.pausedUntilMs = Number.NEGATIVE_INFINITY
    return catalog
  } catch (error) {
    if (monotonic() - known.checkedMs > ageMsMax || kept.snapshot !== known) throw error
    return known.catalog
  }
}
