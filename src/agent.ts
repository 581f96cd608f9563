// One run of the agent: every observation is one synchronous step from the source to the store and the sinks.
import { messageOf } from './core/error-text.ts'
import type { Observation } from './core/observation.ts'
import { type State, unitOf } from './core/state.ts'
import { countersBalance, dueAtMonoMs, step } from './core/step.ts'
import type { Unit } from './core/unit.ts'
import type { Clock, EventSink, Log, StateStore, Step, UnitSource } from './ports.ts'

export interface Parts {
  /** What the store held, or a new history. */
  readonly state: State
  readonly bootId: string
  readonly store: StateStore
  readonly source: UnitSource
  readonly sinks: readonly EventSink[]
  readonly clock: Clock
  readonly log: Log
}

export interface Agent {
  state(): State
  /** The counts from before this run of the agent. */
  readonly atStart: State
  /** Applies an operator's or a clock's observation. Returns at once, never throws. */
  observe(observation: Observation): void
  /** What is wrong with the counting itself, in words; empty while all is well. */
  problems(): string[]
  /** Stops the source, then the sinks, and the store last. */
  stop(): Promise<void>
}

export function startAgent({ state: loaded, bootId, store, source, sinks, clock, log }: Parts): Agent {
  let state = loaded
  let due = Infinity
  let cancelTick = () => {}
  const problems = new Map<string, string>()

  const observe = (observation: Observation): void => {
    try {
      const before = state
      const { state: after, events } = step(before, observation)
      if (after === before) return
      state = after
      const done: Step = { before, after, events, at: observation.at }
      store.remember(done)
      for (const sink of sinks) sink.accept(done)
      const touched = 'unit' in observation ? unitOf(after, observation.unit) : undefined
      for (const unit of touched ? [touched] : after.units) check(unit)
      wakeFor(touched ? [touched] : after.units, observation.at.monoMs)
    } catch (error) {
      const place = 'unit' in observation ? `${observation.kind} of ${observation.unit}` : observation.kind
      report(place, `cannot take in a ${place}: ${messageOf(error)}`)
    }
  }

  const report = (key: string, message: string) => {
    if (problems.has(key)) return
    problems.set(key, message)
    log('error', `gatewatch itself is at fault, please report it: ${message}`)
  }

  const check = (unit: Unit) => {
    if (countersBalance(unit)) return
    report(unit.name, `${unit.name}: starts are not stops + crashes + lost + running: ${JSON.stringify(unit.counters)}`)
  }

  /** One timer, for the first unit that waits for time to pass. */
  const wakeFor = (units: readonly Unit[], nowMonoMs: number) => {
    const next = units.reduce((soonest, unit) => Math.min(soonest, dueAtMonoMs(unit, state)), Infinity)
    if (next >= due) return
    due = next
    cancelTick()
    cancelTick = clock.after(Math.max(0, next - nowMonoMs), () => {
      due = Infinity
      const at = clock.now()
      observe({ kind: 'tick', at })
      wakeFor(state.units, at.monoMs)
    })
  }

  observe({ kind: 'boot', at: clock.now(), bootId })
  wakeFor(state.units, clock.now().monoMs)
  source.start(observe)

  return {
    state: () => state,
    atStart: loaded,
    observe,
    problems: () => [...problems.values()],
    async stop() {
      cancelTick()
      await source.stop()
      await Promise.all(sinks.map((sink) => sink.stop()))
      await store.stop()
    },
  }
}
