// The dashboard: one status, all events, and the stream that keeps both true.
import type { StatusView, SystemView } from '../core/api-views.ts'
import { byId, say, type Tone, tint } from './dom.ts'
import { setUpEvents, showEvents } from './events.ts'
import { showFacts } from './facts.ts'
import { allEvents, clockAheadMs, gatewayNow, status as statusNow, system as systemNow, type Told } from './gateway.ts'
import { follow } from './live.ts'
import { showUnits } from './units.ts'
import { verdictOf } from './verdict.ts'

/** What no event tells: states in between, commits, the broker. */
const ASK_EVERY_MS = 15_000
/** Events come in bursts; one question answers all of them. */
const ASK_AFTER_MS = 300
/** systemd itself is asked for it. */
const ASK_SYSTEM_EVERY_MS = 10_000
const AGES_EVERY_MS = 5_000
/** As many as the gateway keeps, about. */
const EVENTS_AT_MOST = 5_000

let status: StatusView | null = null
let system: SystemView | null = null
let events: Told[] = []
let next = ''
/** Why the gateway does not answer; null while it does. */
let lost: string | null = null
/** Why only the questions are answered; null while events are heard as they happen. */
let deaf: string | null = 'Connecting'
let answeredAtMs = Date.now()

function show(): void {
  const now = gatewayNow()
  const last = new Date(answeredAtMs).toLocaleTimeString('en-GB')
  const why = lost === null ? null : `${lost} Shown is what was known at ${last}; trying again.`
  if (status !== null || why !== null) {
    const verdict = verdictOf(status ?? { units: [] }, why, now)
    tint(byId('health'), verdict.tone)
    say(byId('headline'), verdict.headline)
    say(byId('detail'), verdict.detail)
  }
  const [tone, text]: [Tone, string] =
    lost !== null ? ['bad', 'Connection lost'] : deaf === null ? ['ok', 'Live'] : ['warn', 'Every 15 s']
  tint(byId('link'), status === null && lost === null ? 'busy' : tone)
  if (status === null) return
  say(byId('link').querySelector('span') ?? byId('link'), text)
  byId('link').title = deaf ?? ''
  document.body.toggleAttribute('data-stale', lost !== null)
  document.title = `${status.gateway_id ?? 'gateway'} - gatewatch`
  say(byId('gateway'), status.gateway_id ?? 'gateway')
  showFacts(status, system, now, clockAheadMs())
  showUnits(status, events, now)
  const units = status.units.map((unit) => unit.service)
  showEvents(events, units, now)
  byId('facts').hidden = false
  byId('main').hidden = false
}

/** At most one question at a time; asked again where something happened meanwhile. */
let asking: Promise<void> | null = null
let askAgain = false
function refresh(): void {
  if (asking !== null) {
    askAgain = true
    return
  }
  asking = Promise.all([statusNow(), systemOr(system)])
    .then(
      (answers) => {
        status = answers[0]
        system = answers[1]
        lost = null
        answeredAtMs = Date.now()
      },
      (error: Error) => {
        lost = error.message
      },
    )
    .then(() => {
      asking = null
      show()
      if (!askAgain) return
      askAgain = false
      refresh()
    })
}

let systemAtMs = 0
async function systemOr(known: SystemView | null): Promise<SystemView | null> {
  if (Date.now() - systemAtMs < ASK_SYSTEM_EVERY_MS) return known
  systemAtMs = Date.now()
  return systemNow()
}

let soon = false
function refreshSoon(): void {
  if (soon) return
  soon = true
  setTimeout(() => {
    soon = false
    refresh()
  }, ASK_AFTER_MS)
}

function heard(event: Told): void {
  const stream = (id: string) => id.slice(0, id.lastIndexOf('-'))
  // Another state file is another history.
  if (events.length > 0 && stream(event.id) !== stream(next)) events = []
  if (event.seq <= (events.at(-1)?.seq ?? -1)) return
  next = event.id
  events = [...events, event].slice(-EVENTS_AT_MOST)
  if (event.event === 'crash') say(byId('said'), `${event.service} crashed`)
  refreshSoon()
}

async function readEvents(): Promise<void> {
  const page = await allEvents()
  events = [...page.events]
  next = page.next
}

async function begin(): Promise<void> {
  await readEvents()
  const live = follow({
    since: () => next,
    tell: heard,
    missed: () => void readEvents().then(refresh, refresh),
    back() {
      deaf = null
      refresh()
    },
    lost(why) {
      deaf = why
      refresh()
    },
  })
  addEventListener('online', live.hurry)
  document.addEventListener('visibilitychange', () => (document.hidden ? undefined : live.hurry()))
}

/** The first question may come while the gateway still starts. */
function beginUntilDone(): void {
  begin().then(refresh, (error: Error) => {
    lost = error.message
    show()
    setTimeout(beginUntilDone, ASK_EVERY_MS)
  })
}

setUpEvents(show)
beginUntilDone()
setInterval(() => (document.hidden ? undefined : refresh()), ASK_EVERY_MS)
setInterval(() => (document.hidden ? undefined : show()), AGES_EVERY_MS)
