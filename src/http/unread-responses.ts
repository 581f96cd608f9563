// Limits the memory of responses that their clients do not read.
import type { ServerResponse } from 'node:http'

/** Responses with the metrics of 1,000 units have 2 MB, 0.2 MB if compressed. */
const UNREAD_AT_MOST_BYTES = 16 << 20

interface UnreadBody {
  readonly bytes: number
  readonly responses: Set<ServerResponse>
}

/**
 * Call it before `body` is sent. At the limit, the connections that wait for their clients with the oldest other bodies
 * are closed; their requests are counted with the status code 408.
 */
type LimitUnread = (response: ServerResponse, body: string | Buffer) => void

/** A limit for all responses that are passed to it. */
export function createUnreadLimit(): LimitUnread {
  /** Bodies that have not been passed to the kernel completely, oldest first. Responses that share a buffer share its entry. */
  const unread = new Map<Buffer | ServerResponse, UnreadBody>()
  let unreadBytes = 0

  function remove(key: Buffer | ServerResponse, response: ServerResponse): void {
    const entry = unread.get(key)
    if (!entry?.responses.delete(response) || entry.responses.size > 0) return
    unread.delete(key)
    unreadBytes -= entry.bytes
  }

  return (response, body) => {
    const key = typeof body === 'string' ? response : body
    const entry = unread.get(key) ?? { bytes: Buffer.byteLength(body), responses: new Set() }
    if (entry.responses.size === 0) unreadBytes += entry.bytes
    unread.set(key, entry)
    entry.responses.add(response)
    response.on('close', () => remove(key, response))
    for (const [other, { responses }] of unread) {
      if (unreadBytes <= UNREAD_AT_MOST_BYTES) return
      if (other === key) continue
      for (const slow of responses) {
        remove(other, slow)
        slow.statusCode = 408
        slow.req.socket.destroy()
      }
    }
  }
}
