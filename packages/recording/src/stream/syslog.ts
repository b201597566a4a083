/** One event for a syslog server. */
export interface SyslogEvent {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly severity: SyslogSeverity
  /** What kind of event it is. */
  readonly kind: string
  /** JSON. */
  readonly line: string
}

/** RFC 5424, table 2. */
export type SyslogSeverity = 'critical' | 'warning' | 'informational'
const SEVERITIES: Readonly<Record<SyslogSeverity, number>> = { critical: 2, warning: 4, informational: 6 }
/** RFC 5424, table 1: log audit. */
const FACILITY = 13
const [HOST_CHARS_MAX, KIND_CHARS_MAX] = [255, 32]
const NIL = '-'

/**
 * A syslog message (RFC 5424) behind its length, as streams of them are framed (RFC 6587, 3.4.1, and RFC 5425, 4.3). The JSON is
 * written in ASCII: a message in UTF-8 needs a byte order mark, and readers of JSON stumble over it.
 *
 * @example
 * socket.write(syslogFrame({ at: Date.now(), severity: 'informational', kind: 'intent', line: '{}' }, 'gateway-1'))
 */
export function syslogFrame({ at, severity, kind, line }: SyslogEvent, host: string): Buffer {
  const time = new Date(Math.max(Math.floor(at), 0)).toISOString()
  const header = `<${FACILITY * 8 + SEVERITIES[severity]}>1 ${time} ${named(host, HOST_CHARS_MAX)} querywarden ${NIL} ${named(kind, KIND_CHARS_MAX)} ${NIL}`
  const message = Buffer.from(`${header} ${asciiJson(line)}`, 'latin1')
  return Buffer.concat([Buffer.from(`${message.length} `, 'latin1'), message])
}

/** Header fields are printable ASCII without blanks. */
const named = (text: string, charsMax: number): string => text.replace(/[^!-~]/g, '_').slice(0, charsMax) || NIL

const asciiJson = (json: string): string =>
  json.replace(/[^ -~]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
