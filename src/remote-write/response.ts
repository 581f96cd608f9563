// What a response of the receiver means for the samples of the request. Pure.
import { oneLine } from '../core/views/format.ts'
import type { WriteResponse } from './options.ts'

export type Verdict =
  | { readonly kind: 'accepted' }
  /** The same request may succeed later: not before `afterMs`, if the receiver has set a time. */
  | { readonly kind: 'retry'; readonly text: string; readonly afterMs: number | null }
  /** The receiver accepts no request like this one, whatever its samples: a wrong address, password or certificate. */
  | { readonly kind: 'denied'; readonly text: string }
  /** The receiver refuses at least one of the samples, for good. */
  | { readonly kind: 'refused'; readonly text: string; readonly reason: 'too_old' | 'refused' }

/** 3xx are redirects, which are not followed: the credentials are meant for the configured address. */
const DENIED: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 408])
const TEXT_AT_MOST = 200
/** The texts of Prometheus, and of the programs that share its code; VictoriaMetrics accepts such samples. */
const TOO_OLD = /out of (bounds|order)|too old/i

export function verdictOf({ status, retryAfter, body }: WriteResponse, nowWallMs: number): Verdict {
  if (status >= 200 && status < 300) return { kind: 'accepted' }
  const detail = oneLine(body.trim().split('\n')[0] ?? '', TEXT_AT_MOST)
  const text = `status ${status}${detail === '' ? '' : `: ${detail}`}`
  if (status === 429 || status >= 500) return { kind: 'retry', text, afterMs: waitMs(retryAfter, nowWallMs) }
  if (status < 400 || DENIED.has(status)) return { kind: 'denied', text }
  return { kind: 'refused', text, reason: TOO_OLD.test(body) ? 'too_old' : 'refused' }
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function waitMs(retryAfter: string | null, nowWallMs: number): number | null {
  if (retryAfter === null) return null
  const ms = /^\d+$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowWallMs
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}
