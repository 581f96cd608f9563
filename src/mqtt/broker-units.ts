// The watched units that are the local broker itself: their crashes and starts matter to the connection. Pure.
import { type State, unitOf } from '../core/state.ts'
import type { Step } from '../ports.ts'

/** Services of the usual brokers, for a broker on this device. */
export const BROKER_UNITS: readonly string[] = [
  'mosquitto.service',
  'emqx.service',
  'nanomq.service',
  'vernemq.service',
  'rabbitmq-server.service',
  'hivemq.service',
]

export function anyCrashed({ events }: Step, units: readonly string[]): boolean {
  return events.some(({ kind, unit }) => kind === 'crash' && units.includes(unit))
}

export function anyCameUp({ before, after }: Step, units: readonly string[]): boolean {
  const isActive = (state: State, unit: string) => unitOf(state, unit)?.snapshot?.activeState === 'active'
  return units.some((unit) => isActive(after, unit) && !isActive(before, unit))
}

/** Identifies the run of the local broker, as far as it is watched: another text after a restart. */
export function runOf(state: State, units: readonly string[]): string {
  return units.map((unit) => unitOf(state, unit)?.snapshot?.invocationId ?? '').join()
}
