// gatewatch events: recent events, and with --follow new ones.
import pc from 'picocolors'
import { didYouMean } from '../../config/did-you-mean.ts'
import { globMatcher, isPattern } from '../../core/glob.ts'
import { eventJson } from '../../core/views/api-json.ts'
import type { EventView } from '../../core/views/event-text.ts'
import { shortName } from '../../core/views/format.ts'
import { AgentNotRunning } from '../agent-client.ts'
import { ifRunning, offlineState } from '../agent-or-file.ts'
import type { Arguments } from '../args.ts'
import type { Console, ExitCode, Sources } from '../console.ts'
import { eventLines } from '../event-line.ts'

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
  const found =
    (await fromAgent(`/api/v1/events?limit=${limit}${filter}`, options, sources)) ??
    (options.follow ? null : await fromStateFile(options, limit, sources, out))
  if (found === null) throw new AgentNotRunning(noneToFollow(sources.client.socket))
  const unwatched = options.unit === null ? null : unwatchedText(options.unit, found.watched)
  if (unwatched !== null) out.error(unwatched)
  for (const event of found.events) print(event)
  if (options.follow) await follow(found.next, filter, print, sources, out, following)
  return unwatched === null || options.follow || found.events.length > 0 ? 0 : 5
}

interface FoundEvents {
  readonly events: readonly EventView[]
  /** The names of the watched units; empty without --unit. */
  readonly watched: readonly string[]
  /** The id of the last event, from which to follow. */
  readonly next: string
}

/** Null if no agent is running. */
async function fromAgent(path: string, { unit }: EventsOptions, { client }: Sources): Promise<FoundEvents | null> {
  const page = (await ifRunning(client.get(path))) as { events: EventView[]; next: string } | null
  if (page === null || unit === null) return page && { ...page, watched: [] }
  const { units } = (await client.get('/api/v1/units')) as { units: readonly { service: string }[] }
  return { ...page, watched: units.map(({ service }) => service) }
}

/** Why there may be no events of the unit or pattern; null if a watched unit has that name. */
function unwatchedText(unit: string, watched: readonly string[]): string | null {
  if (watched.some(globMatcher(unit))) return null
  if (isPattern(unit)) return `no watched unit matches ${unit}`
  // Without the suffix, in which all names are alike.
  return `${unit} is not watched${didYouMean(shortName(unit), watched.map(shortName))}`
}

function noneToFollow(socket: string): string {
  return `the agent is not running, so there are no events to follow (nothing is listening on ${socket}); start it with 'systemctl start gatewatch'`
}

async function fromStateFile(
  options: EventsOptions,
  limit: number,
  sources: Sources,
  out: Console,
): Promise<FoundEvents> {
  const { events, identity, state } = await offlineState(sources, out)
  const matches = globMatcher(options.unit ?? '*')
  const isOf = (unit: string | null) => options.unit === null || (unit !== null && matches(unit))
  return {
    events: events
      .filter(({ unit, kind }) => isOf(unit) && (options.kind ?? kind) === kind)
      .slice(-limit)
      .map((event) => eventJson(event, identity, true) as unknown as EventView),
    watched: state.units.map(({ name }) => name),
    next: '',
  }
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
        ({ id, event, data }) => {
          if (event === 'state') return
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
  return (event) => out.stdout(`${json ? JSON.stringify(event) : eventLines(event, paint).join('\n')}\n`)
}
