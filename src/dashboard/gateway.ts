// What the page asks of the gateway, by the same API as everybody.
import type { StatusView, SystemView } from '../core/api-views.ts'
import type { EventView } from '../core/event-text.ts'

/** An event of the API, with its id. */
export interface Told extends EventView {
  readonly id: string
  readonly seq: number
  readonly log?: readonly string[]
}

export interface EventPage {
  readonly events: readonly Told[]
  readonly next: string
}

const ANSWERS_WITHIN_MS = 10_000
const PAGE_OF = 500

/** How far the gateway's clock is ahead of this browser's, ms: gateways have no battery and may live in 1970. */
let aheadMs = 0

export function gatewayNow(): number {
  return Date.now() + aheadMs
}

export function clockAheadMs(): number {
  return aheadMs
}

/** Rejects with a sentence for people. */
export async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(ANSWERS_WITHIN_MS), ...init })
  } catch {
    throw new Error('No answer.')
  }
  const date = Date.parse(response.headers.get('date') ?? '')
  // The header has whole seconds: less than two is no difference.
  if (!Number.isNaN(date)) aheadMs = Math.abs(date - Date.now()) < 2_000 ? 0 : date - Date.now()
  if (!response.ok) throw new Error(await refusal(response))
  return response.json()
}

export async function refusal(response: Response): Promise<string> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: string } } | null
  return `${body?.error?.message ?? response.statusText} (${response.status})`
}

export async function status(): Promise<StatusView> {
  return (await ask('/api/v1/status')) as StatusView
}

/** Null where it cannot be had: systemd may be away while the agent is not. */
export async function system(): Promise<SystemView | null> {
  return (await ask('/api/v1/system').catch(() => null)) as SystemView | null
}

/** All events that the gateway keeps, oldest first; `next` is where the stream goes on. */
export async function allEvents(): Promise<EventPage> {
  const events: Told[] = []
  // An id of no stream means everything.
  let next = 'none-0'
  for (;;) {
    const page = (await ask(`/api/v1/events?limit=${PAGE_OF}&since=${encodeURIComponent(next)}`)) as EventPage
    events.push(...page.events)
    next = page.next
    if (page.events.length < PAGE_OF) return { events, next }
  }
}
