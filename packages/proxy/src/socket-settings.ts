/**
 * Has the kernel ask a silent peer whether it is still there, so that a half-open connection shows (threats F23). How
 * often and how many times it asks is the host's to say (`net.ipv4.tcp_keepalive_intvl`, `tcp_keepalive_probes`): Node
 * sets no more than the first delay.
 */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const

/** What TLS connections that begin at once must speak, and others may. PostgreSQL 18 manual, 54.2.10. */
export const ALPN_POSTGRESQL: readonly string[] = ['postgresql']
