// One run of the agent: every observation is one synchronous step from the source to the store and the sinks.
import { messageOf } from './core/error-text.ts'
import type { CrashEvent, Event } from './core/event.ts'
import type { Evidence } from './core/explain/evidence.ts'
import { combined } from './core/explain/merge-evidence.ts'
import type { Instant, Observation } from './core/observation.ts'
import { CLOCK_STEP_MS, removedUnits, type State, unitOf } from './core/state.ts'
import { dueAtMonoMs, step } from './core/step.ts'
import type { Unit } from './core/unit.ts'
import { countersBalance } from './core/unit-facts.ts'
import type { Clock, EventSink, Log, StateStore, Step, UnitSource } from './ports.ts'

export interface AgentOptions {
  /** The state that the store held, or an empty one with a new stream. */
  readonly state: State
  readonly bootId: string
  /** Who the gateway is; absent: as in the state. */
  readonly identity?: Pick<Observation & { kind: 'identity' }, 'gatewayId' | 'machineId'>
  readonly store: StateStore
  readonly clock: Clock
  readonly log: Log
}

export interface Agent {
  /** The current state. */
  state(): State
  /** The state as this run of the agent found it; the zeroed one after `clear`. */
  stateAtStart(): State
  /** Applies an observation. Returns at once and never throws. */
  observe(observation: Observation): void
  /** Compares both clocks, and corrects the times of this boot if the wall clock was set. `observe` does it first. */
  lookAtClock(): void
  /** Faults of the counting itself, one sentence each; empty while it is correct. */
  problems(): string[]
  /**
   * Observes the identity and the boot, then starts the source. From here on every step goes to the sinks. `evidenceOf`: what
   * else is known of a crash at once; it becomes part of the event.
   */
  start(source: UnitSource, sinks: readonly EventSink[], evidenceOf?: (crash: CrashEvent) => Evidence): void
  /** Stops the source, then the sinks, and the store last. Also works on an agent that was never started. */
  stop(): Promise<void>
}

/** Creates the agent without side effects: nothing is observed, read or written before `start`. */
export function createAgent({ state: loaded, bootId, identity, store, clock, log }: AgentOptions): Agent {
  let state = loaded
  let atStart = loaded
  let source: UnitSource | null = null
  let sinks: readonly EventSink[] = []
  let evidenceOf: (crash: CrashEvent) => Evidence = () => ({})
  let due = Infinity
  let cancelTick = () => {}
  const clockWatch = createClockWatch(clock, log)
  const problems = new Map<string, string>()

  function report(key: string, message: string): void {
    if (problems.has(key)) return
    problems.set(key, message)
    log('error', `internal error, please report it: ${message}`)
  }

  function check(unit: Unit): void {
    if (countersBalance(unit)) return
    report(
      unit.name,
      `${unit.name}: starts differ from stops + crashes + lost + running: ${JSON.stringify(unit.counters)}`,
    )
  }

  /** One timer, for the first unit that waits for time to pass. */
  function scheduleTick(units: readonly Unit[], nowMonoMs: number): void {
    const next = units.reduce((soonest, unit) => Math.min(soonest, dueAtMonoMs(unit, state)), Infinity)
    if (next >= due) return
    due = next
    cancelTick()
    cancelTick = clock.after(Math.max(0, next - nowMonoMs), () => {
      due = Infinity
      const at = clock.now()
      observe({ kind: 'tick', at })
      scheduleTick(state.units, at.monoMs)
    })
  }

  function lookAtClock(): void {
    const bootedAtMs = clockWatch.step()
    if (bootedAtMs !== null) apply({ kind: 'clock-set', at: clock.now(), bootedAtMs })
  }

  function observe(observation: Observation): void {
    lookAtClock()
    const at = clockWatch.asSetNow(observation.at)
    apply(at === observation.at ? observation : { ...observation, at })
  }

  function apply(observation: Observation): void {
    try {
      const before = state
      const { state: after, events: found } = step(before, observation)
      if (after === before) return
      state = after
      if (observation.kind === 'clear') atStart = after
      const done: Step = { before, after, events: withEvidence(found, evidenceOf), at: observation.at }
      store.remember(done)
      for (const sink of sinks) sink.accept(done)
      const forgotten = removedUnits(before, after)
      if (forgotten.length > 0) source?.forget(forgotten)
      const touched = 'unit' in observation ? unitOf(after, observation.unit) : undefined
      for (const unit of touched ? [touched] : after.units) check(unit)
      scheduleTick(touched ? [touched] : after.units, observation.at.monoMs)
    } catch (error) {
      const place = 'unit' in observation ? `${observation.kind} of ${observation.unit}` : observation.kind
      report(place, `cannot process a ${place}: ${messageOf(error)}`)
    }
  }

  return {
    state: () => state,
    stateAtStart: () => atStart,
    observe,
    lookAtClock,
    problems: () => [...problems.values()],
    start(from, to, evidence = evidenceOf) {
      source = from
      sinks = to
      evidenceOf = evidence
      // First: what another machine counted is not lost at this boot.
      if (identity) observe({ kind: 'identity', at: clock.now(), ...identity })
      observe({ kind: 'boot', at: clock.now(), bootId })
      observe({ kind: 'clock-set', at: clock.now(), bootedAtMs: clockWatch.begin() })
      scheduleTick(state.units, clock.now().monoMs)
      from.start(observe)
    },
    async stop() {
      await source?.stop()
      cancelTick() // last: until here, an observation can schedule another one, which would keep the process alive
      await Promise.all(sinks.map((sink) => sink.stop()))
      await store.stop()
    },
  }
}

/** The same events, crashes with this evidence added; the same array if it has no crash. */
function withEvidence(events: readonly Event[], evidenceOf: (crash: CrashEvent) => Evidence): readonly Event[] {
  if (!events.some(({ kind }) => kind === 'crash')) return events
  return events.map((event) => {
    const evidence = event.kind === 'crash' ? combined(event.evidence, evidenceOf(event)) : {}
    return Object.keys(evidence).length === 0 ? event : { ...event, evidence }
  })
}

/** Notices that the wall clock was set, by comparing it with the monotonic clock. */
function createClockWatch(clock: Clock, log: Log) {
  let bootedAtMs: number | null = null
  let setAtMonoMs = Number.NEGATIVE_INFINITY
  return {
    /** Returns when this boot began, by the wall clock; steps are noticed from here on. */
    begin(): number {
      bootedAtMs = clock.wallMsOf(0)
      return bootedAtMs
    },
    /** If the clock was set since the last call: when this boot began, by the clock as it is set now. Else null. */
    step(): number | null {
      const before = bootedAtMs
      const now = clock.wallMsOf(0)
      if (before === null || Math.abs(now - before) <= CLOCK_STEP_MS) return null
      bootedAtMs = now
      setAtMonoMs = clock.now().monoMs
      const seconds = Math.round((now - before) / 1000)
      log('info', `the wall clock was set by ${seconds} s; the times of this boot are corrected`)
      return now
    },
    /** An observation that was held back can be older than the step of the clock. */
    asSetNow: (at: Instant): Instant => (at.monoMs >= setAtMonoMs ? at : { ...at, wallMs: clock.wallMsOf(at.monoMs) }),
  }
}
