// The pure core function: applies one observation to the state and returns the new state and the events.
import { GAVE_UP_AFTER_MS } from './cause.ts'
import type { Event } from './event.ts'
import { addEvidence, explainEnds, explainLater } from './explain/ends.ts'
import { dateHistories, historiesOfNextBoot, limitHistories } from './explain/histories.ts'
import { endFlapping, flappingEndsAtMonoMs } from './flapping.ts'
import * as forget from './forget.ts'
import { globMatcher } from './glob.ts'
import { BURST_WINDOW_MS, rollWindow } from './limits/rate-limit.ts'
import type { Instant, Observation } from './observation.ts'
import { addProof } from './reconcile.ts'
import { asBaseline, cleared, otherMachine } from './recount.ts'
import { loseRun } from './runs.ts'
import { CANCELED_AFTER_MS, jobEnded, noteJob, noteJobType, reportCanceled } from './start-jobs.ts'
import { type State, setClock, unitOf, withUnits } from './state.ts'
import { andThen, type Context, isSameUnit, momentOf, type PendingEvent, type Transition } from './transition.ts'
import { NO_PROOF, newUnit, shownCounters, type Unit, ZERO } from './unit.ts'
import { distrustSettings, interrupt, loseContact } from './unit-facts.ts'
import { applySnapshot, giveUp, mayGiveUp, setTriggered } from './unit-snapshot.ts'

interface StepResult {
  readonly state: State
  readonly events: readonly Event[]
}

/** Pure. An observation that changes nothing returns the very same State. */
export function step(state: State, o: Observation): StepResult {
  switch (o.kind) {
    case 'signal':
    case 'read':
      return updateUnit(state, o.unit, o.at, (unit) => {
        const settings = o.kind === 'read' ? o.settings : null
        return explainEnds(state, o, applySnapshot(unit, momentOf(state, o.at), o.snapshot, settings))
      })
    case 'tick':
      return tick(state, o.at)
    case 'watch':
      return { state: forget.makeRoom(watch(state, o.units, o.patterns)), events: [] }
    case 'discovered':
      return { state: discover(state, o.unit), events: [] }
    case 'unloaded':
      return roomMade(
        updateUnit(state, o.unit, o.at, (unit) => ({ unit: forget.noteUnloaded(unit, o.at), events: [] })),
      )
    case 'listed':
      return roomMade(updateAllUnits(state, o.at, (unit) => forget.noteListed(unit, o, momentOf(state, o.at))))
    case 'accepting':
      return { state: forget.noteAccepting(state, o.template, o.accepting), events: [] }
    case 'gap':
      return { state: { ...state, units: state.units.map(interrupt) }, events: [] }
    case 'contact-lost':
      return updateAllUnits(state, o.at, (unit) => ({ unit: loseContact(unit), events: [] }))
    case 'reloading':
      return o.unit === undefined ? updateAllUnits(state, o.at, reloaded) : updateUnit(state, o.unit, o.at, reloaded)
    case 'triggered':
      return updateUnit(state, o.unit, o.at, (unit) => ({ unit: setTriggered(unit, o.at, o.active), events: [] }))
    case 'job-new':
      return updateUnit(state, o.unit, o.at, (unit) => ({ unit: noteJob(unit, o.job), events: [] }))
    case 'job-type':
      return updateUnit(state, o.unit, o.at, (unit) => ({ unit: noteJobType(unit, o.job, o.type), events: [] }))
    case 'job-removed':
      return updateUnit(state, o.unit, o.at, (unit) =>
        jobEnded(unit, { ...momentOf(state, o.at), source: 'signal' }, o.job, o.result),
      )
    case 'proof':
      return updateAllUnits(state, o.at, (unit) => ({
        unit: addProof(unit, o.runs.get(unit.name) ?? NO_PROOF),
        events: [],
      }))
    case 'identity':
      return identify(state, o)
    case 'boot':
      return boot(state, o.at, o.bootId)
    case 'clock-set':
      return { state: setClock(state, o.bootedAtMs), events: [] }
    case 'clock':
      return { state: synced(state, o.at, o.synced), events: [] }
    case 'policy':
      return { state: { ...state, policy: o.policy }, events: [] }
    case 'clear':
      return clear(state, o)
    case 'import':
      return updateAllUnits({ ...state, formerImported: true }, o.at, (unit) => ({
        unit: { ...unit, baseline: o.baselines.get(unit.name) ?? unit.baseline },
        events: [],
      }))
    case 'command':
      return numberEvents(state, o.at, [commandEvent(state, o)])
    case 'because':
      return updateUnit(state, o.unit, o.at, (unit) => explainLater(unit, o.run, o.because))
    case 'evidence':
      return updateUnit(state, o.unit, o.at, (unit) => addEvidence(unit, o))
  }
}

/** The event of a command. It changes no counters: its effect on the unit arrives as D-Bus signals. */
function commandEvent(
  state: State,
  { unit: name, action, outcome, via, who }: Observation & { kind: 'command' },
): PendingEvent {
  const unit = unitOf(state, name)
  const counters = unit === undefined ? ZERO : shownCounters(unit)
  return { kind: 'command', unit: name, source: 'signal', counters, action, outcome, via, who }
}

/** Whether the clock is synchronised. Once it is, what was counted before gets its time. */
function synced(state: State, at: Instant, clockSynced: boolean | null): State {
  const known = state.clockSynced === clockSynced ? state : { ...state, clockSynced }
  return clockSynced === true ? dateHistories(known, at) : known
}

function updateUnit(state: State, name: string, at: Instant, update: (unit: Unit) => Transition): StepResult {
  const i = state.index.get(name)
  const unit = i === undefined ? undefined : state.units[i]
  if (i === undefined || unit === undefined) return { state, events: [] }
  const transition = update(unit)
  if (transition.events.length === 0 && isSameUnit(unit, transition.unit)) return { state, events: [] }
  const units = state.units.with(i, transition.unit)
  const isOneMore = unit.history === null && transition.unit.history !== null
  return numberEvents({ ...state, units: isOneMore ? limitHistories(units) : units }, at, transition.events)
}

function updateAllUnits(state: State, at: Instant, update: (unit: Unit) => Transition): StepResult {
  const transitions = state.units.map(update)
  if (transitions.every((t, i) => t.unit === state.units[i] && t.events.length === 0)) return { state, events: [] }
  return numberEvents(
    { ...state, units: limitHistories(transitions.map((t) => t.unit)) },
    at,
    transitions.flatMap((t) => t.events),
  )
}

/** Assigns sequence numbers, time and boot to the events. */
function numberEvents(state: State, at: Instant, pending: readonly PendingEvent[]): StepResult {
  if (pending.length === 0) return { state, events: [] }
  let { seq, seqGap, corrections } = state
  const events = pending.map((event): Event => {
    seq += 1
    if (event.source === 'reconcile') corrections += 1
    const gap = seqGap > 0 ? { seqGap } : {}
    seqGap = 0
    return { ...event, seq, atMs: at.wallMs, bootId: state.bootId, clockSynced: state.clockSynced, ...gap }
  })
  return { state: { ...state, seq, seqGap, corrections }, events }
}

/** Decides everything that is due at this time. */
function tick(state: State, at: Instant): StepResult {
  const ctx: Context = { ...momentOf(state, at), source: 'signal' }
  return updateAllUnits(forget.forgetDue(state, at), at, (unit) => {
    if (at.monoMs < dueAtMonoMs(unit, state)) return { unit, events: [] }
    const due = unit.failed !== null && at.monoMs >= unit.failed.sinceMonoMs + GAVE_UP_AFTER_MS
    let transition: Transition = due ? giveUp(unit, ctx) : { unit, events: [] }
    transition = andThen(transition, (u) => reportCanceled(u, ctx))
    transition = andThen(transition, (u) => endFlapping(u, ctx))
    return andThen(transition, (u) => rollWindow(u, at))
  })
}

/** The monotonic time at which `unit` needs a tick, or Infinity. */
export function dueAtMonoMs(unit: Unit, state: State): number {
  return Math.min(
    unit.failed !== null && mayGiveUp(unit) ? unit.failed.sinceMonoMs + GAVE_UP_AFTER_MS : Infinity,
    unit.canceledAtMonoMs !== null ? unit.canceledAtMonoMs + CANCELED_AFTER_MS : Infinity,
    unit.flapping ? flappingEndsAtMonoMs(unit, state.policy) : Infinity,
    unit.burst !== null ? unit.burst.sinceMonoMs + BURST_WINDOW_MS : Infinity,
    forget.forgetAtMonoMs(unit, state),
  )
}

function watch(state: State, names: readonly string[], patterns: readonly string[]): State {
  const matchers = patterns.map(globMatcher)
  const named = names.map((name) => {
    const unit = state.units[state.index.get(name) ?? -1] ?? newUnit(name)
    return unit.byPattern ? { ...unit, byPattern: false } : unit
  })
  const matched = state.units.filter((u) => !names.includes(u.name) && matchers.some((matches) => matches(u.name)))
  const units = [...named, ...matched.map((u) => (u.byPattern ? u : { ...u, byPattern: true }))]
  const unchanged = units.length === state.units.length && units.every((u, i) => u === state.units[i])
  return unchanged ? state : withUnits(state, units)
}

/** Adds a new unit that matches a pattern. Nothing is known of it until it is read. */
function discover(state: State, name: string): State {
  if (state.index.has(name)) return state
  return forget.makeRoom(withUnits(state, [...state.units, { ...newUnit(name), byPattern: true, discovered: true }]))
}

function roomMade({ state, events }: StepResult): StepResult {
  return { state: forget.makeRoom(state), events }
}

function reloaded(unit: Unit): Transition {
  return { unit: distrustSettings(unit), events: [] }
}

/** The command itself comes before the starts, so that a gap before it is announced by the event that explains it. */
function clear(state: State, { at, via, keepEvents }: Observation & { kind: 'clear' }): StepResult {
  const ctx: Context = { ...momentOf(state, at), source: 'reconcile' }
  const transitions = state.units.map((unit) => cleared(unit, ctx))
  const command = { action: 'clear', outcome: 'done', via, who: null } as const
  const event: PendingEvent = { kind: 'command', unit: null, counters: null, source: 'signal', ...command }
  const clearedSeq = keepEvents ? state.clearedSeq : state.seq
  const after = { ...state, forgotten: new Map(), clearedSeq, units: transitions.map(({ unit }) => unit) }
  return numberEvents(after, at, [event, ...transitions.flatMap(({ events }) => events)])
}

/** The gateway's ids. What another machine counted becomes the baseline: its runs are not runs of this one. */
function identify(state: State, { at, gatewayId, machineId }: Observation & { kind: 'identity' }): StepResult {
  const named: State = { ...state, gatewayId, machineId: machineId ?? state.machineId }
  const formerMachineId = otherMachine(state, machineId)
  if (formerMachineId === null || machineId === null) {
    const same = named.gatewayId === state.gatewayId && named.machineId === state.machineId
    return { state: same ? state : named, events: [] }
  }
  const ids = { formerMachineId, machineId, formerGatewayId: state.gatewayId, gatewayId }
  const event: PendingEvent = { kind: 'identity_changed', unit: null, counters: null, source: 'reconcile', ...ids }
  return numberEvents({ ...named, units: state.units.map(asBaseline) }, at, [event])
}

/** The agent started. After a reboot, monotonic times of the old boot mean nothing, and open runs are lost. */
function boot(state: State, at: Instant, bootId: string): StepResult {
  if (bootId === state.bootId) return step(synced(state, at, state.clockSynced), { kind: 'gap', at })
  const ctx: Context = { ...momentOf(state, at), source: 'reconcile' }
  const units = historiesOfNextBoot(forget.onClockOfNextBoot(state.units))
  const booted = updateAllUnits({ ...state, bootId, bootedAtMs: null, units }, at, (unit) => {
    const ended: Transition = unit.run === null ? { unit, events: [] } : loseRun(unit, ctx)
    const fresh: Partial<Unit> = {
      snapshot: null,
      runIds: [],
      lastCrash: unit.lastCrash && { ...unit.lastCrash, thisBoot: false },
      endJob: 0,
      startJob: 0,
      failed: null,
      gaveUp: false,
      flapping: false,
      lastEnd: null,
      crashTimesMonoMs: [],
      burst: null,
    }
    const goneSinceMonoMs = unit.goneSinceMonoMs === null ? null : at.monoMs
    return andThen(ended, (u) => ({ unit: { ...interrupt(u), ...fresh, goneSinceMonoMs }, events: [] }))
  })
  return { ...booted, state: synced(booted.state, at, state.clockSynced) }
}
