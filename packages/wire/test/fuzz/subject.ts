import {
  decodeBackend,
  decodeFrontend,
  decodeStartup,
  encodeBackend,
  encodeFrontend,
  FrameBuffer,
  FrameScanner,
  type Startup,
  StartupBuffer,
} from '../../src/postgres/index.ts'
import { encodeAnyStartup } from '../postgres/encode-any-startup.ts'

/** What is fuzzed. Tests of the fuzzer put broken parts in the place of ours. */
export interface Subject {
  readonly decodeFrontend: typeof decodeFrontend
  readonly encodeFrontend: typeof encodeFrontend
  readonly decodeBackend: typeof decodeBackend
  readonly encodeBackend: typeof encodeBackend
  readonly decodeStartup: typeof decodeStartup
  readonly encodeStartup: (startup: Startup) => Uint8Array
  readonly FrameBuffer: typeof FrameBuffer
  readonly FrameScanner: typeof FrameScanner
  readonly StartupBuffer: typeof StartupBuffer
}

export const OURS: Subject = {
  decodeFrontend,
  encodeFrontend,
  decodeBackend,
  encodeBackend,
  decodeStartup,
  encodeStartup: encodeAnyStartup,
  FrameBuffer,
  FrameScanner,
  StartupBuffer,
}
