// gatewatch events: recent events, and with --follow new ones.
import pc from 'picocolors'
import { eventJson } from '../../core/views/api-json.ts'
import type { EventView } from '../../core/views/event-text.ts'
import { AgentNotRunning } from '../agent-client.ts'
import { ifRunning, offlineState } from '../agent-or-file.ts'
import type { Arguments } from '../args.ts'
import type { Console, ExitCode, Sources } from '../console.ts'
import { eventLine } from '../event-line.ts'

const DEFAULT_LIMIT = 50
/** The default of tail(1). */
const FOLLOW_LIMIT = 10
const RECONNECT_AFTER_MS = 1_000

type EventsOptions = Pick<Arguments, 'follow' | 'json' | 'unit' | 'kind' | 'limit'>

/** `until` aborts on Ctrl-C; `pause` waits, and returns early when `until` aborts. */
interface FollowControl {
  readonly until: AbortSignal
  readonly pause: (ms: number) => Promise<void>
}

export async function events(
  options: EventsOptions,
  sources: Sources,
  out: Console,
  following: FollowControl,
): Promise<ExitCode> {
  const print = eventPrinter(options.json, out)
  const limit = options.limit ?? (options.follow ? FOLLOW_LIMIT : DEFAULT_LIMIT)
  const filter = filterQuery(options)
  const path = `/api/v1/events?limit=${limit}${filter}`
  const page = (await ifRunning(sources.client.get(path))) as { events: EventView[]; next: string } | null
  if (page === null) {
    if (options.follow) throw new AgentNotRunning(noneToFollow(sources.client.socket))
    for (const event of await storedEvents(options, limit, sources, out)) print(event)
    return 0
  }
  for (const event of page.events) print(event)
  if (options.follow) await follow(page.next, filter, print, sources, out, following)
  return 0
}

function noneToFollow(socket: string): string {
  return `the agent is not running, so there are no events to follow (nothing is listening on ${socket}); start it with 'systemctl start gatewatch'`
}

async function storedEvents(
  options: EventsOptions,
  limit: number,
  sources: Sources,
  out: Console,
): Promise<EventView[]> {
  const stored = await offlineState(sources, out)
  return stored.events
    .filter((event) => (options.unit ?? event.unit) === event.unit && (options.kind ?? event.kind) === event.kind)
    .slice(-limit)
    .map((event) => eventJson(event, stored.identity, true) as unknown as EventView)
}

/** Continues after a restart of the agent: requests the events since the last id received. */
async function follow(
  from: string,
  filter: string,
  print: (event: EventView) => void,
  { client }: Sources,
  out: Console,
  { until, pause }: FollowControl,
): Promise<void> {
  let last = from
  let disconnected = false
  while (!until.aborted) {
    try {
      await client.stream(
        `/api/v1/stream?since=${encodeURIComponent(last)}${filter}`,
        ({ id, data }) => {
          if (disconnected) out.stderr('gatewatch: reconnected to the agent\n')
          disconnected = false
          if (id !== '') last = id
          print(JSON.parse(data) as EventView)
        },
        until,
      )
    } catch (error) {
      if (!(error instanceof AgentNotRunning)) throw error
    }
    if (until.aborted) return
    if (!disconnected) out.stderr('gatewatch: connection to the agent lost; waiting for it to restart\n')
    disconnected = true
    await pause(RECONNECT_AFTER_MS)
  }
}

function filterQuery({ unit, kind }: EventsOptions): string {
  return `${unit === null ? '' : `&unit=${encodeURIComponent(unit)}`}${kind === null ? '' : `&kind=${kind}`}`
}

function eventPrinter(json: boolean, out: Console): (event: EventView) => void {
  const paint = pc.createColors(out.color)
  return (event) => out.stdout(`${json ? JSON.stringify(event) : eventLine(event, paint)}\n`)
}
