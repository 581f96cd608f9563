// The row of facts under the headline: agent, systemd, state file, broker, clock, and the gateway's resource usage.
import { blocks } from '../core/health.ts'
import type { CheckView, StatusView, SystemView } from '../core/views/api-views.ts'
import { age, plural } from '../core/views/format.ts'
import { byId, el, icon, setText, setTone } from './dom.ts'
import type { Tone } from './tone.ts'

interface Fact {
  readonly tone: Tone
  readonly text: string
}

/** Clocks that differ by less count as synchronised. */
const SAME_CLOCK_MS = 60_000

/** From this ratio on, used memory, disk space or flash life is shown as a warning. */
const WARN_FROM_RATIO = 0.9

/** Narrower, a fact would need three lines. */
const NARROWEST_REM = 9

interface FactElement {
  readonly element: HTMLElement
  readonly value: HTMLElement
  readonly text: HTMLElement
}

const elements = new Map<string, FactElement>()

/** Keeps the rows of facts full when the width changes. */
export function setUpFacts(): void {
  new ResizeObserver(fillRows).observe(byId('facts'))
}

/** `system`: null while it is unknown. */
export function showFacts(status: StatusView, system: SystemView | null, nowMs: number, clockAheadMs: number): void {
  const facts = { ...factsOf(status, system, nowMs, clockAheadMs), ...hostFacts(system) }
  const before = elements.size
  for (const [name, { element }] of elements) {
    if (name in facts) continue
    element.remove()
    elements.delete(name)
  }
  for (const [name, fact] of Object.entries(facts)) {
    const { value, text } = elements.get(name) ?? newFact(name)
    setTone(value, fact.tone)
    setText(text, fact.text)
  }
  if (elements.size !== before) fillRows()
}

function newFact(name: string): FactElement {
  const text = el('span')
  const value = el('dd', icon('unknown'), text)
  const element = el('div', el('dt', name), value)
  byId('facts').append(element)
  const fact = { element, value, text }
  elements.set(name, fact)
  return fact
}

/** Divides the facts among as few rows as they need, so that the lengths of two rows differ by one at most. */
function fillRows(): void {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
  const fit = Math.max(1, Math.floor(byId('facts').clientWidth / (NARROWEST_REM * rem)))
  const shown = [...elements.values()]
  const count = shown.length
  const rows = Math.ceil(count / fit)
  const startOf = (row: number) => Math.ceil((row * count) / rows)
  shown.forEach(({ element }, i) => {
    const row = Math.floor((i * rows) / count)
    // One pixel less, for the line between two facts; they grow to fill the row.
    element.style.flexBasis = `calc(${100 / (startOf(row + 1) - startOf(row))}% - 1px)`
  })
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
    Clock: clockFact(status.checks ?? [], clockAheadMs),
  }
}

function agentTone(checks: readonly CheckView[]): Tone {
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

function clockFact(checks: readonly CheckView[], aheadMs: number): Fact {
  if (checks.some(({ name, healthy }) => name === 'clock' && !healthy)) return { tone: 'warn', text: 'not in sync' }
  if (Math.abs(aheadMs) < SAME_CLOCK_MS) return { tone: 'ok', text: 'in sync' }
  return { tone: 'warn', text: `${age(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this device` }
}
