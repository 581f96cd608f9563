// The dashboard: shows status and events, polls the status, and updates both from the live event stream.
import type { StatusView, SystemView } from '../core/views/api-views.ts'
import { clockAheadMs, fetchAllEvents, fetchStatus, fetchSystem, gatewayNow } from './api-client.ts'
import type { ApiEvent, StateView } from './api-types.ts'
import { createCard } from './card/card.ts'
import { byId, setText, setTone } from './dom.ts'
import { setUpEvents, showEvents } from './events.ts'
import { setUpFacts, showFacts } from './facts.ts'
import { withEvidenceMerged, withState } from './known.ts'
import { openLiveStream } from './live-stream.ts'
import type { Tone } from './tone.ts'
import { showUnits } from './units.ts'
import { verdictOf } from './verdict.ts'

/** For what no event reports: intermediate states, commits, the broker. */
const POLL_EVERY_MS = 15_000
/** Events come in bursts; one request covers all of a burst. */
const REFRESH_AFTER_EVENT_MS = 300
/** Less often than the status: for this, the agent queries systemd. */
const FETCH_SYSTEM_EVERY_MS = 10_000
const UPDATE_AGES_EVERY_MS = 5_000
/** About as many as the gateway stores. */
const EVENTS_AT_MOST = 5_000

let status: StatusView | null = null
let system: SystemView | null = null
let events: ApiEvent[] = []
let next = ''
/** Why the gateway does not respond; null while it does. */
let fetchProblem: string | null = null
/** Why there is no live stream, so that only polling updates the page; null while there is one. */
let streamProblem: string | null = 'Connecting'
let respondedAtMs = Date.now()
/** Received while a request was under way, whose response may be older. */
let statesSinceRequest: StateView[] = []
let isAddressOpened = false
const card = createCard(show)

function show(): void {
  const now = gatewayNow()
  const last = new Date(respondedAtMs).toLocaleTimeString('en-GB')
  const why = fetchProblem === null ? null : `${fetchProblem} Showing data from ${last}; retrying.`
  if (status !== null || why !== null) {
    const verdict = verdictOf(status ?? { units: [] }, why, now)
    setTone(byId('health'), verdict.tone)
    setText(byId('headline'), verdict.headline)
    setText(byId('detail'), verdict.detail)
  }
  const [tone, text] = linkState()
  setTone(byId('link'), status === null && fetchProblem === null ? 'busy' : tone)
  if (status === null) return
  setText(byId('link').querySelector('span') ?? byId('link'), text)
  byId('link').title = streamProblem ?? ''
  document.body.toggleAttribute('data-stale', fetchProblem !== null)
  document.title = `${status.gateway_id ?? 'gateway'} - gatewatch`
  setText(byId('gateway'), status.gateway_id ?? 'gateway')
  byId('facts').hidden = false
  showFacts(status, system, now, clockAheadMs())
  showUnits(status, events, now, card.open)
  card.show(status, events, now)
  const units = status.units.map((unit) => unit.service)
  showEvents(events, units, now)
  byId('main').hidden = false
  if (isAddressOpened) return
  isAddressOpened = true
  card.openFromAddress()
}

function linkState(): readonly [Tone, string] {
  if (fetchProblem !== null) return ['bad', 'Connection lost']
  return streamProblem === null ? ['ok', 'Live'] : ['warn', 'Every 15 s']
}

/** At most one request at a time; a call during a request causes one more after it. */
let refreshing: Promise<void> | null = null
let refreshAgain = false
function refresh(): void {
  if (refreshing !== null) {
    refreshAgain = true
    return
  }
  statesSinceRequest = []
  refreshing = Promise.all([fetchStatus(), systemOr(system)])
    .then(
      (results) => {
        status = statesSinceRequest.reduce(withState, results[0])
        system = results[1]
        fetchProblem = null
        respondedAtMs = Date.now()
      },
      (error: Error) => {
        fetchProblem = error.message
      },
    )
    .then(() => {
      refreshing = null
      show()
      if (!refreshAgain) return
      refreshAgain = false
      refresh()
    })
}

let systemAtMs = 0
async function systemOr(known: SystemView | null): Promise<SystemView | null> {
  if (Date.now() - systemAtMs < FETCH_SYSTEM_EVERY_MS) return known
  systemAtMs = Date.now()
  return fetchSystem()
}

let refreshPending = false
function refreshSoon(): void {
  if (refreshPending) return
  refreshPending = true
  setTimeout(() => {
    refreshPending = false
    refresh()
  }, REFRESH_AFTER_EVENT_MS)
}

function addEvent(event: ApiEvent): void {
  const stream = (id: string) => id.slice(0, id.lastIndexOf('-'))
  // A new state file has another history.
  if (events.length > 0 && stream(event.id) !== stream(next)) events = []
  if (event.seq <= (events.at(-1)?.seq ?? -1)) return
  next = event.id
  events = withEvidenceMerged([...events, event]).slice(-EVENTS_AT_MOST)
  if (event.event === 'crash') setText(byId('announcement'), `${event.service} crashed`)
  refreshSoon()
}

/** What no event reports: a unit that is being started or stopped. */
function applyState(state: StateView): void {
  if (refreshing !== null) statesSinceRequest.push(state)
  if (status === null) return
  status = withState(status, state)
  if (!document.hidden) show()
}

async function readEvents(): Promise<void> {
  const page = await fetchAllEvents()
  events = withEvidenceMerged(page.events)
  next = page.next
}

async function start(): Promise<void> {
  await readEvents()
  const live = openLiveStream({
    since: () => next,
    received: addEvent,
    changed: applyState,
    missed: () => void readEvents().then(refresh, refresh),
    connected() {
      streamProblem = null
      refresh()
    },
    disconnected(why) {
      streamProblem = why
      refresh()
    },
  })
  addEventListener('online', live.retryNow)
  document.addEventListener('visibilitychange', () => (document.hidden ? undefined : live.retryNow()))
}

/** The first request may fail because the gateway is still starting. */
function startWithRetries(): void {
  start().then(refresh, (error: Error) => {
    fetchProblem = error.message
    show()
    setTimeout(startWithRetries, POLL_EVERY_MS)
  })
}

setUpFacts()
setUpEvents(show)
startWithRetries()
setInterval(() => (document.hidden ? undefined : refresh()), POLL_EVERY_MS)
setInterval(() => (document.hidden ? undefined : show()), UPDATE_AGES_EVERY_MS)
