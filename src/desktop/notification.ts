// Builds the text and urgency of a desktop notification from an event. Pure.
import type { UnitEvent } from '../core/event.ts'
import { causeText, plural, shortName } from '../core/views/format.ts'

export interface NotificationContent {
  /** Desktop Notifications Specification, "Urgency Levels": 0 low, 1 normal, 2 critical (stays until it is closed). */
  readonly urgency: 0 | 1 | 2
  readonly summary: string
  /** Markup: `&`, `<` and `>` are escaped. */
  readonly body: string
  /** The problem is over: the next problem of the unit opens a new notification. */
  readonly settled?: true
}

/** Null for an event that needs no notification. */
export function notificationOf(event: UnitEvent, gatewayId: string): NotificationContent | null {
  const name = shortName(event.unit)
  switch (event.kind) {
    case 'crash': {
      if (event.requested) return null
      const { result, exitCode, signal } = event
      const next = event.willRestart === true ? 'systemd will restart it; ' : ''
      const body = `${causeText({ result, exit_code: exitCode, signal })}; ${next}crash ${event.counters.crashes}`
      return {
        urgency: event.willRestart === true ? 1 : 2,
        summary: `${name} crashed`,
        body: withGateway(body, gatewayId),
      }
    }
    case 'gave_up':
      return {
        urgency: 2,
        summary: `${name} is down`,
        body: withGateway(`systemd will not restart it (${event.result})`, gatewayId),
      }
    case 'flapping':
      if (!event.flapping)
        return { urgency: 0, summary: `${name} is no longer flapping`, body: escaped(gatewayId), settled: true }
      return {
        urgency: 2,
        summary: `${name} is flapping`,
        body: withGateway(
          `${plural(event.crashesInWindow, 'crash', 'crashes')} in ${event.windowSeconds} s`,
          gatewayId,
        ),
      }
    default:
      return null
  }
}

function withGateway(text: string, gatewayId: string): string {
  return escaped(`${text} (${gatewayId})`)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
