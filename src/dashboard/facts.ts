// The agent's own health at a glance: who it is, and how its bus, its flash, its broker and its clock are.
import type { StatusView, SystemView } from '../core/api-views.ts'
import { age, plural } from '../core/format.ts'
import { byId, el, icon, say, type Tone, tint } from './dom.ts'

interface Fact {
  readonly tone: Tone
  readonly text: string
}

/** Clocks that differ by less are called the same. */
const SAME_CLOCK_MS = 60_000

/** From here on memory, a disk or the life of flash is worth a look. */
const FULL = 0.9

const shown = new Map<string, { readonly value: HTMLElement; readonly words: HTMLElement }>()

/** `system` is null while it is not known. */
export function showFacts(status: StatusView, system: SystemView | null, nowMs: number, clockAheadMs: number): void {
  const facts = { ...factsOf(status, system, nowMs, clockAheadMs), ...hostFacts(system) }
  for (const [name, fact] of Object.entries(facts)) {
    const { value, words } = shown.get(name) ?? newFact(name)
    tint(value, fact.tone)
    say(words, fact.text)
  }
}

function newFact(name: string) {
  const words = el('span')
  const value = el('dd', icon('unknown'), words)
  byId('facts').append(el('div', el('dt', name), value))
  const made = { value, words }
  shown.set(name, made)
  return made
}

function factsOf(
  { bus, state, mqtt, ...status }: StatusView,
  system: SystemView | null,
  nowMs: number,
  clockAheadMs: number,
): Record<string, Fact> {
  const up = status.started_at === undefined ? '' : `, up ${age(nowMs - Date.parse(status.started_at))}`
  const well = (status.not_ready ?? []).length === 0
  return {
    Agent: { tone: well ? 'ok' : 'bad', text: `${status.version ?? ''}${up}` },
    systemd: bus?.connected ? systemdFact(system) : { tone: 'bad', text: 'not heard' },
    'State file': stateFact(state, nowMs),
    Broker: brokerFact(mqtt),
    Clock: clockFact(clockAheadMs),
  }
}

function systemdFact(system: SystemView | null): Fact {
  if (system === null) return { tone: 'ok', text: 'heard' }
  if (system.state === 'running') return { tone: 'ok', text: 'running' }
  const failed = system.failed.length === 0 ? '' : `, ${plural(system.failed.length, 'unit')} failed`
  return { tone: 'warn', text: system.state + failed }
}

/** What the gateway says of its own; what it cannot say is not there. */
function hostFacts(system: SystemView | null): Record<string, Fact> {
  if (system === null) return {}
  const { memory_used_ratio: memory, cpu_used_ratio: cpu, disks, flash } = system.host
  return {
    ...(memory === null ? {} : { Memory: fullness(memory) }),
    ...(cpu === null ? {} : { CPU: { tone: 'ok', text: percent(cpu) } as const }),
    ...Object.fromEntries(disks.map(({ path, used_ratio }) => [`Disk ${path}`, fullness(used_ratio)])),
    ...Object.fromEntries(flash.map(({ device, life_used_ratio }) => [`Life of ${device}`, fullness(life_used_ratio)])),
  }
}

function fullness(used: number): Fact {
  return { tone: used >= FULL ? 'warn' : 'ok', text: `${percent(used)} used` }
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

function stateFact(state: StatusView['state'], nowMs: number): Fact {
  if (state?.problem) return { tone: 'bad', text: 'not written' }
  if (state?.volatile) return { tone: 'warn', text: 'lost with the power' }
  const last = state?.last_commit
  return { tone: 'ok', text: last ? `written ${age(nowMs - Date.parse(last))} ago` : 'nothing to write' }
}

function brokerFact(mqtt: StatusView['mqtt']): Fact {
  if (!mqtt) return { tone: 'idle', text: 'off' }
  if (mqtt.connected) return { tone: mqtt.problem === null ? 'ok' : 'warn', text: mqtt.problem ?? 'connected' }
  return { tone: 'warn', text: `away, ${plural(mqtt.queued, 'event')} kept` }
}

function clockFact(aheadMs: number): Fact {
  if (Math.abs(aheadMs) < SAME_CLOCK_MS) return { tone: 'ok', text: 'as here' }
  return { tone: 'warn', text: `${age(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this device` }
}
