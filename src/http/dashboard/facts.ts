// The agent's own health at a glance: who it is, and how its bus, its flash, its broker and its clock are.
import type { StatusView } from '../../core/status-view.ts'
import { age, plural } from '../../core/words.ts'
import { byId, el, icon, say, type Tone, tint } from './dom.ts'

interface Fact {
  readonly tone: Tone
  readonly text: string
}

/** Clocks that differ by less are called the same. */
const SAME_CLOCK_MS = 60_000

const shown = new Map<string, { readonly value: HTMLElement; readonly words: HTMLElement }>()

export function showFacts(status: StatusView, nowMs: number, clockAheadMs: number): void {
  for (const [name, fact] of Object.entries(factsOf(status, nowMs, clockAheadMs))) {
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

function factsOf({ bus, state, mqtt, ...status }: StatusView, nowMs: number, clockAheadMs: number) {
  const up = status.started_at === undefined ? '' : `, up ${age(nowMs - Date.parse(status.started_at))}`
  const well = (status.not_ready ?? []).length === 0
  const facts: Record<string, Fact> = {
    Agent: { tone: well ? 'ok' : 'bad', text: `${status.version ?? ''}${up}` },
    systemd: bus?.connected ? { tone: 'ok', text: 'heard' } : { tone: 'bad', text: 'not heard' },
    'State file': stateFact(state, nowMs),
    Broker: brokerFact(mqtt),
    Clock: clockFact(clockAheadMs),
  }
  return facts
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
  return { tone: 'warn', text: `away, ${plural(mqtt.queued, 'event')} kept for it` }
}

function clockFact(aheadMs: number): Fact {
  if (Math.abs(aheadMs) < SAME_CLOCK_MS) return { tone: 'ok', text: 'as here' }
  return { tone: 'warn', text: `${age(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this device` }
}
