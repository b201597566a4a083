import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * Whether an address is this host's own: 127.0.0.0/8, ::1, and the former mapped into IPv6. A name never is, not even
 * one that begins like such an address: `127.example.com` is somebody's host.
 */
export function isLoopback(address: string | undefined): boolean {
  switch (isIP(address ?? '')) {
    case 4:
      return LOOPBACK.check(address ?? '', 'ipv4')
    case 6:
      return LOOPBACK.check(address ?? '', 'ipv6')
    default:
      return false
  }
}

/** Whether a host of a configuration or a URL, brackets and all, is this one. `localhost` never leaves it (RFC 6761, 6.3). */
export const isThisHost = (host: string): boolean => host === 'localhost' || isLoopback(host.replace(/^\[|\]$/g, ''))
