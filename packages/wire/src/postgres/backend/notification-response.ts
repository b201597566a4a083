import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** NotificationResponse: another session's NOTIFY on a channel that this one listens to. */
export interface NotificationResponse {
  /** The notifying session's process. */
  readonly processId: number
  readonly channel: string
  readonly payload: string
}

/**
 * @throws FrameError `MALFORMED`
 * @example
 * const { channel, payload } = decodeNotificationResponse(frame.body)
 */
export function decodeNotificationResponse(body: Uint8Array): NotificationResponse {
  const reader = new Reader(body, 'NotificationResponse')
  const processId = reader.int32()
  const channel = reader.cstring()
  const payload = reader.cstring()
  reader.end()
  return { processId, channel, payload }
}

/** @throws FrameError `UNENCODABLE` */
export function encodeNotificationResponse({ processId, channel, payload }: NotificationResponse): Uint8Array {
  const writer = new Writer(BACKEND.notificationResponse)
  writer.int32(processId)
  writer.cstring(channel)
  writer.cstring(payload)
  return writer.finish()
}
