// The row of facts under the headline: agent, systemd, state file, broker, clock, and the gateway's resource usage.
import { blocks } from '../core/health.ts'
import type { StatusView, SystemView } from '../core/views/api-views.ts'
import { age, plural } from '../core/views/format.ts'
import { byId, el, icon, setText, setTone, type Tone } from './dom.ts'

interface Fact {
  readonly tone: Tone
  readonly text: string
}

/** Clocks that differ by less count as synchronised. */
const SAME_CLOCK_MS = 60_000

/** From this ratio on, used memory, disk space or flash life is shown as a warning. */
const WARN_FROM_RATIO = 0.9

const elements = new Map<string, { readonly value: HTMLElement; readonly text: HTMLElement }>()

/** `system`: null while it is unknown. */
export function showFacts(status: StatusView, system: SystemView | null, nowMs: number, clockAheadMs: number): void {
  const facts = { ...factsOf(status, system, nowMs, clockAheadMs), ...hostFacts(system) }
  for (const [name, fact] of Object.entries(facts)) {
    const { value, text } = elements.get(name) ?? newFact(name)
    setTone(value, fact.tone)
    setText(text, fact.text)
  }
}

function newFact(name: string) {
  const text = el('span')
  const value = el('dd', icon('unknown'), text)
  byId('facts').append(el('div', el('dt', name), value))
  const fact = { value, text }
  elements.set(name, fact)
  return fact
}

function factsOf(
  { bus, state, mqtt, ...status }: StatusView,
  system: SystemView | null,
  nowMs: number,
  clockAheadMs: number,
): Record<string, Fact> {
  const up = status.started_at === undefined ? '' : `, up ${age(nowMs - Date.parse(status.started_at))}`
  return {
    Agent: { tone: agentTone(status.checks ?? []), text: `${status.version ?? ''}${up}` },
    systemd: bus?.connected ? systemdFact(system) : { tone: 'bad', text: 'not connected' },
    'State file': stateFact(state, nowMs),
    Broker: brokerFact(mqtt),
    Clock: clockFact(clockAheadMs),
  }
}

function agentTone(checks: NonNullable<StatusView['checks']>): Tone {
  if (checks.some(blocks)) return 'bad'
  return checks.every(({ healthy }) => healthy) ? 'ok' : 'warn'
}

function systemdFact(system: SystemView | null): Fact {
  if (system === null) return { tone: 'ok', text: 'connected' }
  if (system.state === 'running') return { tone: 'ok', text: 'running' }
  const failed = system.failed.length === 0 ? '' : `, ${plural(system.failed.length, 'unit')} failed`
  return { tone: 'warn', text: system.state + failed }
}

/** Only what the gateway can measure. */
function hostFacts(system: SystemView | null): Record<string, Fact> {
  if (system === null) return {}
  const { memory_used_ratio: memory, cpu_used_ratio: cpu, disks, flash } = system.host
  return {
    ...(memory === null ? {} : { Memory: usageFact(memory) }),
    ...(cpu === null ? {} : { CPU: { tone: 'ok', text: percent(cpu) } as const }),
    ...Object.fromEntries(disks.map(({ path, used_ratio }) => [`Disk ${path}`, usageFact(used_ratio)])),
    ...Object.fromEntries(
      flash.map(({ device, life_used_ratio }) => [`Flash life ${device}`, usageFact(life_used_ratio)]),
    ),
  }
}

function usageFact(used: number): Fact {
  return { tone: used >= WARN_FROM_RATIO ? 'warn' : 'ok', text: `${percent(used)} used` }
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

function stateFact(state: StatusView['state'], nowMs: number): Fact {
  if (state?.problem) return { tone: 'bad', text: 'write failed' }
  if (state?.volatile) return { tone: 'warn', text: 'may be lost at power-off' }
  const last = state?.last_commit
  return { tone: 'ok', text: last ? `written ${age(nowMs - Date.parse(last))} ago` : 'nothing to write' }
}

function brokerFact(mqtt: StatusView['mqtt']): Fact {
  if (!mqtt) return { tone: 'idle', text: 'off' }
  if (mqtt.connected) return { tone: mqtt.problem === null ? 'ok' : 'warn', text: mqtt.problem ?? 'connected' }
  return { tone: 'warn', text: `disconnected, ${plural(mqtt.queued, 'event')} queued` }
}

function clockFact(aheadMs: number): Fact {
  if (Math.abs(aheadMs) < SAME_CLOCK_MS) return { tone: 'ok', text: 'in sync' }
  return { tone: 'warn', text: `${age(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this device` }
}
