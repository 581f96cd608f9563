// What a desktop is told of an event, and how urgent it is. Pure.
import type { Event } from '../core/event.ts'
import { causeText, shortName } from '../core/format.ts'

export interface NotificationContent {
  /** Desktop Notifications Specification, "Urgency Levels": 0 low, 1 normal, 2 critical (stays until it is closed). */
  readonly urgency: 0 | 1 | 2
  readonly summary: string
  /** Markup: `&`, `<` and `>` are escaped. */
  readonly body: string
  /** The trouble is over with it. */
  readonly settled?: true
}

/** Null for what nobody need be told of. */
export function notificationOf(event: Event, gatewayId: string): NotificationContent | null {
  const name = shortName(event.unit)
  switch (event.kind) {
    case 'crash': {
      if (event.requested) return null
      const { result, exitCode, signal } = event
      const next = event.willRestart === true ? 'systemd starts it again; ' : ''
      const body = `${causeText({ result, exit_code: exitCode, signal })}; ${next}crash ${event.counters.crashes}`
      return { urgency: event.willRestart === true ? 1 : 2, summary: `${name} crashed`, body: on(body, gatewayId) }
    }
    case 'gave_up':
      return {
        urgency: 2,
        summary: `${name} is down`,
        body: on(`systemd does not start it again (${event.result})`, gatewayId),
      }
    case 'flapping':
      if (!event.flapping)
        return { urgency: 0, summary: `${name} no longer flaps`, body: escaped(gatewayId), settled: true }
      return {
        urgency: 2,
        summary: `${name} crashes again and again`,
        body: on(`${event.crashesInWindow} crashes in ${event.windowSeconds} s`, gatewayId),
      }
    default:
      return null
  }
}

function on(text: string, gatewayId: string): string {
  return escaped(`${text} (${gatewayId})`)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
