// The dashboard's client for the HTTP API of the gateway.
import type { StatusView, SystemView } from '../core/views/api-views.ts'
import type { ApiEvent, EventPage } from './api-types.ts'

const RESPONSE_TIMEOUT_MS = 10_000
const PAGE_EVENTS = 500
/** Not the id of any stream, so the gateway returns all events. */
const NO_EVENT = 'none-0'
/** The Date header has whole seconds, so a smaller difference means nothing. */
const SAME_TIME_MS = 2_000

/** How far the gateway's clock is ahead of this browser's. A gateway without a battery may believe that it is 1970. */
let aheadMs = 0

export function gatewayNow(): number {
  return Date.now() + aheadMs
}

export function clockAheadMs(): number {
  return aheadMs
}

/** The gateway refused a request, or could not serve it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Rejects with a sentence for people. */
export async function fetchJson(path: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS), ...init })
  } catch {
    throw new Error('The request failed or timed out.')
  }
  const difference = Date.parse(response.headers.get('date') ?? '') - Date.now()
  if (!Number.isNaN(difference)) aheadMs = Math.abs(difference) < SAME_TIME_MS ? 0 : difference
  if (!response.ok) throw new ApiError(response.status, await errorText(response))
  return response.json()
}

/** `a valid bearer token is required (401)` */
export async function errorText(response: Response): Promise<string> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: string } } | null
  return `${body?.error?.message ?? response.statusText} (${response.status})`
}

export async function fetchStatus(): Promise<StatusView> {
  return (await fetchJson('/api/v1/status')) as StatusView
}

/** Null if the gateway cannot provide it: systemd may be unreachable while the agent runs. */
export async function fetchSystem(): Promise<SystemView | null> {
  return (await fetchJson('/api/v1/system').catch(() => null)) as SystemView | null
}

/** All stored events, oldest first; `next` is where the live stream continues. */
export async function fetchAllEvents(): Promise<EventPage> {
  const events: ApiEvent[] = []
  let next = NO_EVENT
  for (;;) {
    const page = (await fetchJson(`/api/v1/events?limit=${PAGE_EVENTS}&since=${encodeURIComponent(next)}`)) as EventPage
    events.push(...page.events)
    next = page.next
    if (page.events.length < PAGE_EVENTS) return { events, next }
  }
}
