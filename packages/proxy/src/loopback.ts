/** Whether an address is this host's own: 127.0.0.0/8, ::1, and the former mapped into IPv6. */
export const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address)
