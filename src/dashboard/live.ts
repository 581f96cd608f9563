// The stream of events, kept up: heard until it ends, and taken up again where it ended.
//
// By fetch and not by EventSource, which hides the heartbeat: when the gateway loses its power nothing ends the
// connection, and only silence tells.
import { createSseReader } from '../core/sse.ts'
import { refusal, type Told } from './gateway.ts'

/** Above twice the heartbeat of 15 s. */
const SILENT_AT_MOST_MS = 35_000
const AGAIN_AFTER_AT_LEAST_MS = 1_000
const AGAIN_AFTER_AT_MOST_MS = 10_000

export interface Live {
  /** Tries again now: the network came back, or somebody looks. */
  hurry(): void
}

/**
 * `since`: the id of the last event known. `missed`: events that the gateway has forgotten by now. `back`: each time it is
 * heard (again). `lost`: why it is not, as a sentence, at each failed try.
 */
export interface Ears {
  since(): string
  tell(event: Told): void
  missed(): void
  back(): void
  lost(why: string): void
}

export function follow(ears: Ears): Live {
  let waitMs = AGAIN_AFTER_AT_LEAST_MS
  let wake = () => {}

  const read = async (): Promise<void> => {
    const silence = new AbortController()
    let timer = 0
    const heard = () => {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENT_AT_MOST_MS)
    }
    heard()
    try {
      const path = `/api/v1/stream?since=${encodeURIComponent(ears.since())}`
      const response = await fetch(path, { cache: 'no-store', signal: silence.signal })
      if (!response.ok || response.body === null) throw new Error(await refusal(response))
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      const take = createSseReader(({ event, data }) => {
        if (event === 'dropped') ears.missed()
        else ears.tell(JSON.parse(data) as Told)
      })
      waitMs = AGAIN_AFTER_AT_LEAST_MS
      ears.back()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        heard()
        take(value)
      }
    } finally {
      clearTimeout(timer)
      silence.abort()
    }
  }

  const go = async (): Promise<never> => {
    for (;;) {
      const why = await read().then(
        () => 'The gateway ended the connection.',
        (error: Error) => (/\(\d+\)$/.test(error.message) ? error.message : 'The connection broke.'),
      )
      ears.lost(why)
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, waitMs)
      })
      waitMs = Math.min(waitMs * 2, AGAIN_AFTER_AT_MOST_MS)
    }
  }
  void go()
  return { hurry: () => wake() }
}
