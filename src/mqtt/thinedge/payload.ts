// The messages for thin-edge.io, in which each watched unit is a service of the main device. Pure.
// Topics and fields: https://thin-edge.github.io/thin-edge.io/references/mqtt-api/
import { causeOf } from '../../core/cause.ts'
import type { CrashEvent } from '../../core/event.ts'
import type { Policy } from '../../core/state.ts'
import type { Unit } from '../../core/unit.ts'
import { isKnown, shownState } from '../../core/unit-facts.ts'
import { fullName, isUnitName } from '../../core/unit-name.ts'
import { eventJson, type Identity, type Json, rfc3339 } from '../../core/views/api-json.ts'
import { type EventView, eventDetails } from '../../core/views/event-text.ts'
import { causeText, plural, shortName } from '../../core/views/format.ts'
import type { Message } from '../connection/connection.ts'

const SERVICES = 'te/device/main/service'

const REGISTRATION = ''
const HEALTH = '/status/health'
const GAVE_UP = '/a/gave_up'
const FLAPPING = '/a/flapping'

/** The retained messages of a service, each by the end of its topic, in the order in which they are published. */
export const CHANNELS = [REGISTRATION, HEALTH, GAVE_UP, FLAPPING] as const
export type Channel = (typeof CHANNELS)[number]

/** The order in which they are removed: thin-edge.io forwards the end of an alarm or a health only of a registered service. */
export const REMOVAL_ORDER: readonly Channel[] = [GAVE_UP, FLAPPING, HEALTH, REGISTRATION]

/** Filters for the retained messages of all services: other programs' services have a registration and a health, too. */
export const SERVICE_FILTERS: readonly string[] = REMOVAL_ORDER.map((channel) => `${SERVICES}/+${channel}`)

/** The same without the registration, which does not show who published it. */
export const EARLIER_FILTERS: readonly string[] = SERVICE_FILTERS.slice(0, -1)

/** Key of the health message that marks the service as ours; its value is the stream, which a new gateway id does not change. */
const MARK = 'gatewatch'
/** A health message of ours is shorter. */
const HEALTH_AT_MOST = 1024

/** Services of thin-edge.io itself, which publish their own data, and names for whose health it expects another format. */
const PUBLISHES_ITSELF = /^(?:tedge-|c8y-firmware-plugin$|mosquitto-.*-bridge$)/

/**
 * The name of the unit's service: without `.service`, and with any other type, so that a timer and its service are two. Null
 * if the unit is not published.
 */
export function serviceOf(unit: string): string | null {
  const short = shortName(unit)
  const service = fullName(short) === unit ? short : unit
  return isUnitName(unit) && !PUBLISHES_ITSELF.test(service) ? service : null
}

/** The inverse of `serviceOf`. */
export const unitOfService: (service: string) => string = fullName

export function serviceTopic(service: string, channel: Channel): string {
  return `${SERVICES}/${service}${channel}`
}

/** The service and the channel of a topic of `SERVICE_FILTERS`; null for any other topic. */
export function channelOf(topic: string): { readonly service: string; readonly channel: Channel } | null {
  if (!topic.startsWith(`${SERVICES}/`)) return null
  const [service = '', ...rest] = topic.slice(SERVICES.length + 1).split('/')
  const channel = CHANNELS.find((one) => one === rest.map((level) => `/${level}`).join(''))
  return service === '' || channel === undefined ? null : { service, channel }
}

/** The topic of the message that shows whose the service is. */
export function markedTopic(service: string): string {
  return serviceTopic(service, HEALTH)
}

export function isAlarm(channel: Channel): boolean {
  return channel === GAVE_UP || channel === FLAPPING
}

/** The payload; empty if there must be no such message, null if that is not known: then the present one remains. */
export function payloadOn(channel: Channel, unit: Unit, policy: Policy, stream: string): string | null {
  switch (channel) {
    case REGISTRATION: {
      const name = serviceOf(unit.name)
      return JSON.stringify({ '@type': 'service', name, type: 'service' })
    }
    case HEALTH:
      return healthPayload(unit, stream)
    case GAVE_UP:
      return isKnown(unit) ? (unit.gaveUp ? gaveUpPayload(unit) : '') : null
    case FLAPPING:
      return isKnown(unit) ? (unit.flapping ? flappingPayload(unit, policy) : '') : null
  }
}

/** States in which the unit does what it is for; in any other one that is known it is down. */
const UP: readonly string[] = ['active', 'reloading', 'refreshing']

/** `status` may be any text for thin-edge.io, and its documentation has `unknown` as the example. */
function healthPayload(unit: Unit, stream: string): string {
  const state = shownState(unit)
  const status = state === 'unknown' ? state : UP.includes(state) ? 'up' : 'down'
  const health: Json = { status, [MARK]: stream }
  if (isKnown(unit)) {
    if (status === 'up' && unit.snapshot.mainPid > 0) health['pid'] = unit.snapshot.mainPid
    if (unit.changedAtMs !== null) health['time'] = rfc3339(unit.changedAtMs)
  }
  return JSON.stringify(health)
}

/** The same when the agent stops: the state of the unit is unknown from then on. */
export function lastPayloadOn(channel: Channel, stream: string): string | null {
  return channel === HEALTH ? JSON.stringify({ status: 'unknown', [MARK]: stream }) : null
}

/** The stream of the gatewatch that published this health; null if another program did. */
export function publisherOf(health: string): string | null {
  if (health.length > HEALTH_AT_MOST) return null
  try {
    const { [MARK]: stream } = JSON.parse(health) as Record<string, unknown>
    return typeof stream === 'string' ? stream : null
  } catch {
    return null // the health of a bridge is 0 or 1
  }
}

function gaveUpPayload(unit: Unit): string {
  const { result, exitCode, signal } = unit.snapshot === null ? NO_CAUSE : causeOf(unit.snapshot)
  const cause = causeText({ result, exit_code: exitCode, signal })
  return alarmPayload(`${unit.name} failed (${cause}): systemd will not restart it`, 'critical', unit.changedAtMs)
}

const NO_CAUSE = { result: 'unknown', exitCode: null, signal: null }

function flappingPayload({ name, crashTimesMonoMs, lastCrash }: Unit, { flapWindowMs }: Policy): string {
  const crashes = plural(crashTimesMonoMs.length, 'crash', 'crashes')
  const text = `${name} crashes repeatedly: ${crashes} within ${flapWindowMs / 1000} s`
  return alarmPayload(text, 'major', lastCrash?.atMs ?? null)
}

function alarmPayload(text: string, severity: 'critical' | 'major', atMs: number | null): string {
  return JSON.stringify({ text, severity, ...(atMs === null ? {} : { time: rfc3339(atMs) }) })
}

/** The crash as an event of thin-edge.io. Any further field would make its mapper forward it in another format. */
export function crashMessage(service: string, event: CrashEvent, identity: Identity): Message {
  const details = eventDetails(eventJson(event, identity) as unknown as EventView)
  const payload = JSON.stringify({ text: `${event.unit} crashed: ${details}`, time: rfc3339(event.atMs) })
  return { topic: `${SERVICES}/${service}/e/crash`, payload, retain: false }
}
