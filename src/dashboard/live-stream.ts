// Follows the gateway's live event stream; after a disconnection, resumes it after the last event received.
//
// Uses fetch instead of EventSource, which hides the heartbeat: when the gateway loses power, the connection stays open
// and only the missing heartbeat shows it.
import { createSseReader } from '../core/views/sse.ts'
import { errorText } from './api-client.ts'
import type { ApiEvent, StateView } from './api-types.ts'

/** More than twice the heartbeat interval of 15 s. */
const SILENT_AT_MOST_MS = 35_000
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 10_000

interface LiveStream {
  /** Retries at once, e.g. because the network is back or the page has become visible. */
  retryNow(): void
}

interface StreamHandlers {
  /** The id of the last event received. */
  since(): string
  received(event: ApiEvent): void
  changed(state: StateView): void
  /** Events were missed that the gateway no longer stores. */
  missed(): void
  /** Called after each (re)connection. */
  connected(): void
  /** Called after each disconnection or failed retry; `why` is a sentence. */
  disconnected(why: string): void
}

export function openLiveStream(handlers: StreamHandlers): LiveStream {
  let waitMs = FIRST_RETRY_MS
  let wake = () => {}

  const follow = async (): Promise<never> => {
    for (;;) {
      const why = await readStream(handlers, () => {
        waitMs = FIRST_RETRY_MS
      }).then(
        () => 'The gateway closed the connection.',
        (error: Error) => (/\(\d+\)$/.test(error.message) ? error.message : 'The connection was lost.'),
      )
      handlers.disconnected(why)
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, waitMs)
      })
      waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)
    }
  }
  void follow()
  return { retryNow: () => wake() }
}

/** Reads one connection. Resolves when the gateway ends it; rejects when it fails or stays silent. */
async function readStream(handlers: StreamHandlers, onConnected: () => void): Promise<void> {
  const silence = new AbortController()
  let timer = 0
  const restartTimer = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENT_AT_MOST_MS)
  }
  restartTimer()
  try {
    const path = `/api/v1/stream?since=${encodeURIComponent(handlers.since())}`
    const response = await fetch(path, { cache: 'no-store', signal: silence.signal })
    if (!response.ok || response.body === null) throw new Error(await errorText(response))
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    const parse = createSseReader(({ event, data }) => {
      if (event === 'dropped') handlers.missed()
      else if (event === 'state') handlers.changed((JSON.parse(data) as { state: StateView }).state)
      else handlers.received(JSON.parse(data) as ApiEvent)
    })
    onConnected()
    handlers.connected()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      restartTimer()
      parse(value)
    }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}
