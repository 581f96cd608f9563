// Parses the body of /api/v1/clear. Pure.
import type { ClearOptions } from '../route.ts'

/** An empty body, or `{"keep_events": true, "log_file": "/var/log/gatewatch.log"}`; each key may be absent. */
export function clearOptionsOf(body: string): ClearOptions | { readonly problem: string } {
  const parsed = parse(body)
  if (parsed === null) return { problem: 'the body must be a JSON object' }
  const { keep_events: keepEvents = false, log_file: logFile = null, ...others } = parsed
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) return { problem: `${JSON.stringify(unknown)}: unknown key; use keep_events, log_file` }
  if (typeof keepEvents !== 'boolean') return { problem: 'keep_events must be true or false' }
  if (logFile !== null && typeof logFile !== 'string') return { problem: 'log_file must be a path' }
  return { keepEvents, logFile }
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body || '{}')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}
