import type { ExtendedStep, RawMessage } from './corpus-case.ts'

// A codec of its own: what attacks the gateway must not share the gateway's idea of the protocol.

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
const cstring = (text: string): Buffer => Buffer.from(`${text}\0`, 'utf8')
const sized = (value: string | null): Buffer => {
  if (value === null) return int32(-1)
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([int32(bytes.length), bytes])
}
const list = (values: readonly number[], encode: (value: number) => Buffer): Buffer =>
  Buffer.concat([int16(values.length), ...values.map(encode)])

const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

export const startup = (params: Readonly<Record<string, string>>): Buffer => {
  const pairs = Object.entries(params).flatMap(([name, value]) => [cstring(name), cstring(value)])
  const body = Buffer.concat([int32(196_608), ...pairs, Buffer.from([0])])
  return Buffer.concat([int32(body.length + 4), body])
}
export const password = (text: string): Buffer => message('p', cstring(text))
export const saslInitial = (mechanism: string, data: string): Buffer => message('p', cstring(mechanism), sized(data))
export const saslResponse = (data: string): Buffer => message('p', Buffer.from(data))
export const query = (sql: string): Buffer => message('Q', cstring(sql))
export const sync = (): Buffer => message('S')
export const copyData = (data: string): Buffer => Buffer.concat([message('d', Buffer.from(data)), message('c')])
export const copyDone = (): Buffer => message('c')
export const copyFail = (): Buffer => message('f', cstring('no data'))
export const terminate = (): Buffer => message('X')

export const functionCall = (oid: number, args: readonly (string | null)[], resultFormat: number): Buffer =>
  message('F', int32(oid), int16(1), int16(0), int16(args.length), ...args.map(sized), int16(resultFormat))

interface Bound {
  readonly portal: string
  readonly statement: string
  readonly values: readonly (string | null)[]
  readonly valueFormats: readonly number[]
  readonly resultFormats: readonly number[]
}
const bind = ({ portal, statement, values, valueFormats, resultFormats }: Bound): Buffer =>
  message(
    'B',
    cstring(portal),
    cstring(statement),
    list(valueFormats, int16),
    int16(values.length),
    ...values.map(sized),
    list(resultFormats, int16),
  )
const parse = (name: string, sql: string, types: readonly number[]): Buffer =>
  message('P', cstring(name), cstring(sql), list(types, int32))
const execute = (portal: string, rowsMax: number): Buffer => message('E', cstring(portal), int32(rowsMax))

/** Parse, Bind, Describe, Execute and Sync in one write. */
export function extended(step: ExtendedStep): Buffer {
  const { name = '', portal = '' } = step
  return Buffer.concat([
    parse(name, step.sql, step.paramTypes ?? []),
    bind({
      portal,
      statement: name,
      values: step.params ?? [],
      valueFormats: step.paramFormats ?? [],
      resultFormats: step.resultFormats ?? [],
    }),
    message('D', Buffer.from('P'), cstring(portal)),
    execute(portal, step.maxRows ?? 0),
    sync(),
  ])
}

/** A message of a case that spells its messages out. */
export function rawMessage(raw: RawMessage): Buffer {
  switch (raw[0]) {
    case 'Q':
      return query(raw[1])
    case 'P':
      return parse(raw[1], raw[2], raw[3] ?? [])
    case 'B':
      return bind({ portal: raw[1], statement: raw[2], values: raw[3] ?? [], valueFormats: [], resultFormats: [] })
    case 'D':
    case 'C':
      return message(raw[0], Buffer.from(raw[1]), cstring(raw[2]))
    case 'E':
      return execute(raw[1], raw[2])
    case 'S':
    case 'H':
      return message(raw[0])
  }
}
