// gatewatch explain: why a unit crashed, stopped or does not run, or what is known about one event.
import pc from 'picocolors'
import { type Event, isEventId } from '../../core/event.ts'
import { explainFully, type FromJournal } from '../../core/explain/explain-fully.ts'
import type { ExplanationView } from '../../core/explain/explanation.ts'
import { type EvidenceSources, readNeeds } from '../../core/explain/explanation-input.ts'
import { mergeEvidence } from '../../core/explain/merge-evidence.ts'
import type { TimelineEntry } from '../../core/explain/timeline.ts'
import type { Instant } from '../../core/observation.ts'
import { unitOf } from '../../core/state.ts'
import type { UnitStatus } from '../../core/unit-status.ts'
import { oneLine, plural, shortName } from '../../core/views/format.ts'
import { RequestFailed } from '../agent-client.ts'
import { ifRunning, offlineState } from '../agent-or-file.ts'
import type { Console, ExitCode, Sources } from '../console.ts'
import { eventColor } from '../event-line.ts'
import { type Column, fill, table } from '../table.ts'

/** What is read with the rights of the user if no agent is running. */
export interface DirectSources {
  /** What systemd shows of a unit; null if systemd cannot be reached. */
  readonly status: (unit: string) => Promise<UnitStatus | null>
  readonly fromJournal: FromJournal
  readonly evidence: () => EvidenceSources
  readonly now: () => Instant
}

/** Exit code 5 if there is no such unit, as systemctl. `subject`: a unit name or the id of an event. */
export async function explain(
  subject: string,
  json: boolean,
  sources: Sources & { readonly direct: DirectSources },
  out: Console,
): Promise<ExitCode> {
  const path = `/api/v1/${isEventId(subject) ? 'events' : 'units'}/${encodeURIComponent(subject)}/explain`
  const reply = (await ifRunning(sources.client.get(path)).catch(notFound)) as ExplanationView | NotFound | null
  const view = reply ?? (await withoutAgent(subject, sources, out))
  if ('notFound' in view) {
    out.error(view.notFound)
    return isEventId(subject) ? 1 : 5
  }
  out.stdout(json ? `${JSON.stringify(view)}\n` : `${textOf(view, out).join('\n')}\n`)
  return 0
}

interface NotFound {
  readonly notFound: string
}

function notFound(error: unknown): NotFound {
  if (error instanceof RequestFailed && (error.code === 'unknown_unit' || error.code === 'unknown_event'))
    return { notFound: error.message.replace(/^.*?HTTP status \d+: /, '') }
  throw error
}

/** From the state file and systemd. */
async function withoutAgent(
  subject: string,
  sources: Sources & { readonly direct: DirectSources },
  out: Console,
): Promise<ExplanationView | NotFound> {
  const { events, identity, state } = await offlineState(sources, out)
  const { direct } = sources
  const history = mergeEvidence(events, new Map())
  const event = isEventId(subject) ? (history.find(({ seq }) => `${identity.stream}-${seq}` === subject) ?? null) : null
  if (event === null && isEventId(subject)) return { notFound: `no event with the id ${subject} is stored` }
  const name = event === null ? subject : nameOf(event)
  const unit = unitOf(state, name) ?? null
  const status = name === '' ? null : await direct.status(name)
  if (unit === null && event === null) {
    if (status === null) throw new RequestFailed(`systemd did not respond, and ${name} is not in the state file`)
    if (status.loadState === 'not-found' && status.activeState === 'inactive')
      return { notFound: `${name} is not watched, and systemd found no unit file with this name` }
  }
  const needs = await readNeeds(status, direct.status)
  const facts = { unit, status, needs, history, event, now: direct.now(), sources: direct.evidence() }
  const input = { name, isLocal: true, ...facts }
  return (await explainFully(input, identity, direct.fromJournal)) as unknown as ExplanationView
}

function nameOf({ unit }: Event): string {
  return unit ?? ''
}

const COLUMNS: readonly Column[] = [
  { title: 'BEFORE', align: 'right' },
  { title: 'UNIT', minWidth: 10 },
  { title: 'EVENT' },
  { title: 'DETAILS', minWidth: 20 },
]

function textOf(view: ExplanationView, { columns, color }: Console): string[] {
  const paint = pc.createColors(color)
  const width = columns || Number.POSITIVE_INFINITY
  const sentences = view.sentences
    .flatMap((sentence) => fill(oneLine(sentence), width))
    .map((line) => highlight(line, paint))
  return [
    ...sentences,
    ...(view.timeline.length === 0 ? [] : ['', ...timelineText(view, columns || null, paint)]),
    ...listText('Frames of the crashing thread, topmost first:', view.frames ?? [], paint),
    ...listText('Last log lines of the run:', view.log ?? [], paint),
  ]
}

function highlight(line: string, paint: ReturnType<typeof pc.createColors>): string {
  return line
    .replace(/^Not known:/, paint.yellow('Not known:'))
    .replace(/^What you can do:/, paint.bold('What you can do:'))
}

function timelineText(
  { timeline, timeline_left_out: leftOut }: ExplanationView,
  columns: number | null,
  paint: ReturnType<typeof pc.createColors>,
): string[] {
  if (timeline.length === 1 && leftOut === 0)
    return ['In the minute before, there was no other event of a watched unit.']
  const rows = timeline.map((entry) => [
    { text: beforeText(entry) },
    { text: entry.service === undefined ? '(agent)' : shortName(entry.service) },
    { text: entry.event, paint: eventColor(entry.event, paint) },
    { text: entry.text },
  ])
  const more = leftOut === 0 ? [] : [`(${plural(leftOut, 'earlier event')} left out)`]
  return ['The minute before, on this gateway:', ...table(COLUMNS, rows, columns), ...more]
}

/** `12.345 s`. */
function beforeText({ ms_before: ms }: TimelineEntry): string {
  return `${(ms / 1000).toFixed(3)} s`
}

function listText(title: string, lines: readonly string[], paint: ReturnType<typeof pc.createColors>): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => paint.dim(`  ${oneLine(line)}`))]
}
