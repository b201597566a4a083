import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** PasswordMessage: the answer to AuthenticationCleartextPassword, or to MD5Password with the hash in it. Manual 54.7. */
export interface Password {
  readonly password: string
}

/**
 * Reads the body of a PasswordMessage (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { password } = decodePassword(frame.body)
 */
export function decodePassword(body: Uint8Array): Password {
  const reader = new Reader(body, 'PasswordMessage')
  const password = reader.cstring()
  reader.end()
  return { password }
}

/**
 * The frame of a PasswordMessage (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodePassword({ password: token })
 */
export function encodePassword({ password }: Password): Uint8Array {
  const writer = new Writer(FRONTEND.password)
  writer.cstring(password)
  return writer.finish()
}
