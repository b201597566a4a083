import { BACKEND, type BackendName, FRONTEND, type FrontendName } from '../../src/postgres/index.ts'
import {
  byteOf,
  bytesOf,
  constantInt32,
  type Draft,
  type Field,
  format,
  formattedValues,
  int16,
  int32,
  list16,
  list32,
  name,
  naturalInt32,
  rest,
  terminated,
  text,
  value,
} from './fields.ts'

// The bodies of all messages, from the PostgreSQL 18 manual, 54.7, and not from the codec that is under test.

const code = (letter: string): number => letter.charCodeAt(0)
const target: readonly Field[] = [byteOf(code('S'), code('P')), text]

/** A binary stream may have columns of both formats, one in text only text. */
const copyFormats: Field = draft => {
  const isBinary = draft.random.oneIn(2)
  draft.sink.byte(isBinary ? 1 : 0)
  list16(isBinary ? format : ({ sink }) => sink.int16(0))(draft)
}

/** At least one field, and none twice. */
const responseFields: Field = draft => {
  const codes = [...'SVCMDHPpqWstcdnFLR']
  const start = draft.random.below(codes.length)
  const count = 1 + draft.random.below(5)
  for (let i = 0; i < count; i++) {
    draft.sink.byte(code(codes[(start + i) % codes.length] ?? 'M'))
    text(draft)
  }
  if (draft.lieOnceIn > 0 && draft.random.oneIn(draft.lieOnceIn)) {
    draft.hasLied = true
    draft.sink.byte(draft.random.below(256))
  }
  draft.sink.byte(0)
}

const frontend: Readonly<Record<FrontendName, readonly (readonly Field[])[]>> = {
  bind: [[text, text, formattedValues, list16(format)]],
  close: [target],
  copyData: [[rest]],
  copyDone: [[]],
  copyFail: [[text]],
  describe: [target],
  execute: [[text, naturalInt32]],
  flush: [[]],
  functionCall: [[int32, formattedValues, format]],
  parse: [[text, text, list16(int32)]],
  // PasswordMessage, SASLInitialResponse, and the two that are any bytes.
  password: [[text], [name, value], [rest]],
  query: [[text]],
  sync: [[]],
  terminate: [[]],
}

const backend: Readonly<Record<BackendName, readonly (readonly Field[])[]>> = {
  authentication: [
    [constantInt32(0)],
    [constantInt32(2)],
    [constantInt32(3)],
    [constantInt32(5), bytesOf(4, 4)],
    [constantInt32(7)],
    [constantInt32(8), rest],
    [constantInt32(9)],
    [constantInt32(10), terminated(1, name)],
    [constantInt32(11), rest],
    [constantInt32(12), rest],
    [constantInt32(99), rest],
  ],
  backendKeyData: [[int32, bytesOf(4, 256)]],
  bindComplete: [[]],
  closeComplete: [[]],
  commandComplete: [[text]],
  copyBothResponse: [[copyFormats]],
  copyData: [[rest]],
  copyDone: [[]],
  copyInResponse: [[copyFormats]],
  copyOutResponse: [[copyFormats]],
  dataRow: [[list16(value)]],
  emptyQueryResponse: [[]],
  errorResponse: [[responseFields]],
  functionCallResponse: [[value]],
  negotiateProtocolVersion: [[constantInt32(0x0003_0002), list32(text)]],
  noData: [[]],
  noticeResponse: [[responseFields]],
  notificationResponse: [[int32, text, text]],
  parameterDescription: [[list16(int32)]],
  parameterStatus: [[text, text]],
  parseComplete: [[]],
  portalSuspended: [[]],
  readyForQuery: [[byteOf(code('I'), code('T'), code('E'))]],
  rowDescription: [[list16(text, int32, int16, int32, int16, int32, format)]],
}

/** A tag and one form of its body. */
export interface Rule {
  readonly tag: number
  readonly fields: readonly Field[]
}

const rules = (
  bodies: Readonly<Record<string, readonly (readonly Field[])[]>>,
  tags: Readonly<Record<string, number>>,
) => Object.entries(bodies).flatMap(([kind, forms]): Rule[] => forms.map(fields => ({ tag: tags[kind] ?? 0, fields })))

/** Every message of each side. */
export const GRAMMAR: Readonly<Record<'frontend' | 'backend', readonly Rule[]>> = {
  frontend: rules(frontend, FRONTEND),
  backend: rules(backend, BACKEND),
}

const startup: readonly (readonly Field[])[] = [
  ...[0, 0, 1, 2, 2, 9999, 0xffff].map(minor => [
    constantInt32(0x0003_0000 + minor),
    // Names that differ: nothing is named twice.
    ({ random, sink }: Draft) => {
      const names = ['user', 'database', 'application_name', 'client_encoding', 'options', '_pq_.grease', 'é']
      for (const each of names.slice(0, random.below(names.length + 1))) {
        sink.put(new TextEncoder().encode(each))
        sink.byte(0)
        text({ random, sink, lieOnceIn: 0, hasLied: false })
      }
    },
    byteOf(0),
  ]),
  [constantInt32(0x0003_0000), terminated(1, name, text)],
  [constantInt32(0x04d2_162f)],
  [constantInt32(0x04d2_1630)],
  [constantInt32(0x04d2_162e), int32, bytesOf(4, 256)],
  [constantInt32(0x0002_0000), rest],
]

/** The packets of start-up, their length apart. Those with names at random, or of another protocol, need not be accepted. */
export const STARTUP: readonly { readonly fields: readonly Field[]; readonly isSound: boolean }[] = startup.map(
  (fields, i) => ({ fields, isSound: i !== 7 && i !== startup.length - 1 }),
)
