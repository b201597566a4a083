import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** NotificationResponse: another session's NOTIFY on a channel that this one listens to. Manual 54.7. */
export interface NotificationResponse {
  /** The notifying session's process. */
  readonly processId: number
  readonly channel: string
  readonly payload: string
}

/**
 * Reads the body of a NotificationResponse (manual 54.7).
 *
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

/**
 * The frame of a NotificationResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeNotificationResponse({ processId: 4711, channel: 'jobs', payload: '7' })
 */
export function encodeNotificationResponse({ processId, channel, payload }: NotificationResponse): Uint8Array {
  const writer = new Writer(BACKEND.notificationResponse)
  writer.int32(processId)
  writer.cstring(channel)
  writer.cstring(payload)
  return writer.finish()
}
