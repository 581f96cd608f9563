// One-line description of an event, the same on the terminal and on the dashboard.

import type { After, Because } from '../explain/evidence.ts'
import type { Counters } from '../unit.ts'
import { causeText, plural } from './format.ts'

/** An event as `eventJson` produces it, or the record of dropped events. */
export interface EventView {
  readonly event: string
  readonly service?: string
  readonly timestamp?: string
  readonly counters?: Counters
  readonly source?: string
  readonly result?: string
  readonly exit_code?: number | null
  readonly signal?: string | null
  readonly core_dumped?: boolean
  readonly requested?: boolean
  readonly will_restart?: boolean | null
  readonly because?: Because
  readonly after?: After
  /** The last lines of the journal before a crash. */
  readonly log?: readonly string[]
  readonly flapping?: boolean
  readonly crashes_in_window?: number
  readonly window_seconds?: number
  readonly starts?: number
  readonly stops?: number
  readonly crashes?: number
  readonly load_state?: string
  readonly dropped?: number
  readonly seq_gap?: number
  readonly action?: string
  readonly outcome?: string
  readonly via?: string
  readonly who?: string | null
  /** Id of the crash to which an `evidence` event belongs. */
  readonly of?: string
  readonly gateway_id?: string
  readonly machine_id?: string
  readonly former_gateway_id?: string | null
  readonly former_machine_id?: string
}

/** The details shown after the kind and the unit: `SIGKILL, will restart (crash 4)`. */
export function eventDetails(event: EventView): string {
  const { counters } = event
  const late = event.source === 'reconcile' ? ', detected later' : ''
  switch (event.event) {
    case 'start':
      return `start ${counters?.starts}${late}`
    case 'restart':
      return `restart ${counters?.restarts}, start ${counters?.starts}${late}`
    case 'stop':
      return `stop ${counters?.stops}${endText(event)}${late}`
    case 'crash': {
      const { result = 'unknown', exit_code = null, signal = null } = event
      const core = event.core_dumped ? ', core dumped' : ''
      const requested = event.requested ? ', requested' : ''
      const next =
        event.will_restart === true ? ', will restart' : event.will_restart === false ? ', will not restart' : ''
      return `${causeText({ result, exit_code, signal })}${core}${requested}${next} (crash ${counters?.crashes})${endText(event)}${late}`
    }
    case 'lost':
      return `run ended unobserved (lost ${counters?.lost})`
    case 'gave_up':
      return `${event.result}: systemd will not restart it`
    case 'flapping':
      return event.flapping
        ? `${plural(event.crashes_in_window ?? 0, 'crash', 'crashes')} in ${event.window_seconds} s`
        : 'ended'
    case 'summary':
      return `${plural(event.starts ?? 0, 'start')}, ${plural(event.stops ?? 0, 'stop')}, ${plural(event.crashes ?? 0, 'crash', 'crashes')} (rate limit)`
    case 'evidence':
      return `of ${event.of}${endText(event)}`
    case 'start_refused':
      return `not started: ${event.result}`
    case 'unit_appeared':
    case 'unit_vanished':
      return `${event.load_state}`
    case 'command':
      return `${event.action} via ${event.via}${event.who ? ` by ${event.who}` : ''}: ${event.outcome}`
    case 'identity_changed': {
      const { former_gateway_id: former = null, gateway_id: gateway } = event
      const renamed = former === gateway ? '' : `, gateway_id ${former ?? 'none'} -> ${gateway}`
      return `machine ${event.former_machine_id} -> ${event.machine_id}${renamed}`
    }
    case 'dropped':
      return `${plural(event.dropped ?? 0, 'event')} dropped: no longer stored`
    default:
      return ''
  }
}

/** `, because a.service ended (BindsTo=)` and `, b.service crashed 120 ms before`; empty if neither is known. */
export function endText({ because, after }: { readonly because?: Because; readonly after?: After }): string {
  const how = because?.relation === 'Conflicts' ? 'started' : 'ended'
  const proven = because === undefined ? '' : `, because ${because.unit} ${how} (${because.relation}=)`
  const before = { stop: 'stopped', crash: 'crashed', lost: 'was lost' }
  return after === undefined ? proven : `${proven}, ${after.unit} ${before[after.event]} ${after.ms} ms before`
}
