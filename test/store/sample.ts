// Sample states, units, events and steps for tests.
import type { CrashEvent, Event } from '../../src/core/event.ts'
import { limitHistories } from '../../src/core/explain/histories.ts'
import { historyOf, stampOf, type UnitHistory, withCounted, withCrash } from '../../src/core/explain/history.ts'
import { signatureOf } from '../../src/core/explain/signature.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { newUnit, type Unit } from '../../src/core/unit.ts'
import type { Step } from '../../src/ports.ts'
import type { OpenedStore } from '../../src/store/open.ts'

export const STREAM = '0123456789abcdef'
export const BOOT = '11111111222233334444555555555555'

export const id = (n: number) => n.toString(16).padStart(32, '0')

/** A unit with many crashes and all its fields set. */
export function busyUnit(name: string, crashes = 3): Unit {
  return {
    ...newUnit(name),
    snapshot: {
      activeState: 'active',
      subState: 'running',
      invocationId: id(crashes),
      job: 0,
      result: 'success',
      mainCode: 0,
      mainStatus: 0,
      mainPid: 0,
      nRestarts: crashes,
      changedAtMonoMs: 86_400_123.456,
      frozen: false,
    },
    settings: {
      loadState: 'loaded',
      restart: 'on-failure',
      enabled: false,
      restartForced: false,
      restartPrevented: true,
      wasActive: true,
      startedBy: [],
    },
    tracking: 'continuous',
    run: {
      id: id(crashes),
      openedAtMonoMs: 86_400_123.456,
      openedAtMs: 1_752_000_000_000,
      job: 77,
      requested: true,
      badResult: 'exit-code',
      startObserved: true,
      firstOfBoot: false,
    },
    runIds: [id(crashes), id(crashes + 1), id(crashes + 2)],
    counters: { starts: crashes + 1, stops: 0, crashes, restarts: crashes, lost: 0 },
    failures: { signal: { unrequested: crashes, requested: 0 } },
    lastCrash: {
      cause: { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false },
      requested: false,
      thisBoot: true,
      atMs: 1_752_000_000_000,
    },
    changedAtMs: 1_752_000_000_000,
    crashTimesMonoMs: [1, 2, 3, 4, 5].map((n) => 86_400_000.123 + n * 1000).slice(0, crashes),
    burst: { sinceMonoMs: 86_400_123.456, ends: crashes, summary: null },
  }
}

const CRASH = { cause: { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false } } as const

export function crashOf(unit: string, seq: number, atMs = 1_752_000_000_000 + seq): CrashEvent {
  return {
    kind: 'crash',
    unit,
    seq,
    atMs,
    bootId: BOOT,
    source: 'signal',
    clockSynced: true,
    counters: { starts: seq, stops: 0, crashes: seq, restarts: 0, lost: 0 },
    fromState: 'active',
    toState: 'failed',
    subState: 'failed',
    result: 'signal',
    exitCode: null,
    signal: 'SIGKILL',
    coreDumped: false,
    invocationId: id(seq),
    requested: false,
    willRestart: true,
    evidence: { ranMs: 86_400_123, sameCause24h: 300, sameCause7d: 2000, signature: signatureOf(unit, CRASH.cause) },
  }
}

/** A month of daily crashes by eight causes, and a crash loop in the last week. */
export function busyHistory(unit: string): UnitHistory {
  const at = (hour: number) => 1_752_000_000 - hour * 3600
  let history = historyOf({ history: null, lastCrash: null }, 0)
  const crash = (now: number, exitCode: number) => {
    const cause = { result: 'exit-code', exitCode, signal: null, coreDumped: false }
    history = withCrash(withCounted(history, now, { starts: 700, crashes: 700 }), now, cause, signatureOf(unit, cause))
  }
  for (let hour = 30 * 24; hour >= 0; hour -= 24) crash(at(hour), 1 + ((hour / 24) % 8))
  for (let hour = 7 * 24; hour >= 0; hour--) crash(at(hour), 200)
  return history
}

export function stateOf(units: readonly Unit[], seq = 0): State {
  return { ...withUnits(newState(STREAM), units), bootId: BOOT, gatewayId: 'gw-7', seq }
}

export const names = (n: number) => Array.from({ length: n }, (_, i) => `wirepas-sink-${i}.service`)

/** `count` units that were never observed. */
export const freshState =
  (count = 3) =>
  () =>
    stateOf(names(count).map(newUnit))

/** A step in which `unit` crashes and starts again, so that its counters stay balanced. */
export function crashStep(before: State, unit: string, monoMs: number): Step {
  const seq = before.seq + 1
  const units = before.units.map((u) => {
    if (u.name !== unit) return u
    const { starts, crashes } = u.counters
    const counters = { ...u.counters, starts: starts + 1, crashes: crashes + 1 }
    const failures = { signal: { unrequested: crashes + 1, requested: 0 } }
    const lastCrash = { ...CRASH, requested: false, atMs: 1_752_000_000_000 + monoMs, thisBoot: true }
    const now = stampOf({ monoMs, wallMs: lastCrash.atMs }, true)
    const counted = withCounted(historyOf(u, now), now, { starts: 1, crashes: 1 })
    return {
      ...u,
      counters,
      failures,
      lastCrash,
      history: withCrash(counted, now, CRASH.cause, signatureOf(unit, CRASH.cause)),
      runIds: [id(seq), ...u.runIds].slice(0, 3),
      tracking: 'continuous' as const,
    }
  })
  const at = { monoMs, wallMs: 1_752_000_000_000 + monoMs }
  const { seqGap, ...rest } = { seqGap: before.seqGap, ...crashOf(unit, seq, at.wallMs) }
  const event: Event = seqGap > 0 ? { ...rest, seqGap } : rest
  return { before, after: { ...before, units: limitHistories(units), seq, seqGap: 0 }, events: [event], at }
}

/** The crash counters of all units, which must never decrease. */
export const crashesOf = (state: State) => state.units.map((u) => u.counters.crashes)

/** Crashes of twelve units in turn, which the store remembers. Returns the state after them. */
export function crash({ store }: Pick<OpenedStore, 'store'>, state: State, n: number): State {
  let now = state
  for (let i = 0; i < n; i++) {
    const step = crashStep(now, names(12)[i % 12] as string, 20_000 + i)
    store.remember(step)
    now = step.after
  }
  return now
}
