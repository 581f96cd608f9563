// The agent's state across kills: the real state file and spill on disk, or an older state as if both had been lost.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Event } from '../../src/core/event.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import type { Unit } from '../../src/core/unit.ts'
import type { Clock, StateStore } from '../../src/ports.ts'
import { type Fs, nodeFs, type SyncFs } from '../../src/store/file/fs.ts'
import { UNLIMITED_BYTES } from '../../src/store/flush-budget.ts'
import { unitChange } from '../../src/store/format/history-update.ts'
import { createPageBuilder, readPayload } from '../../src/store/format/page-records.ts'
import { openStore } from '../../src/store/open.ts'
import { applyPayloads } from '../../src/store/recovery.ts'

/** Short, so that many kills come in the middle of a commit. */
const FLUSH_INTERVAL_MS = 100

export interface StateAcrossKills {
  state(): State
  /** Events so far, in order, without those that a rollback discarded. */
  events(): readonly Event[]
  /** What a kill with its files intact has lost or changed, one sentence each. */
  problems(): readonly string[]
  /** Opens the files as an agent does that starts; null if it was killed meanwhile. */
  open(): Promise<StateStore | null>
  /** From this moment on nothing reaches the files, as after SIGKILL. */
  kill(): void
  /** Resolves when the operations that were in flight at the kill have ended. */
  settled(): Promise<void>
  /** Only while killed: goes back to the state at `cutMs`, with no files. Returns the observed time of that state. */
  rollBack(cutMs: number): number
  /** systemd's own time of the newest change in the state, which can be much earlier on a busy machine. Signals arrive in order. */
  observedMs(): number
}

export function createStateAcrossKills(directory: string, bootId: string, clock: Clock): StateAcrossKills {
  let state = newState('00112233aabbccdd')
  let events: Event[] = []
  /** Events before this position were never in the current files. */
  let inFilesFrom = 0
  let history: { readonly monoMs: number; readonly observedMs: number; readonly state: State }[] = []
  let observedMs = 0
  let fs = createFsUntilKill()
  let opening: Promise<unknown> = Promise.resolve()
  const problems: string[] = []

  const record = (store: StateStore, alive: () => boolean): StateStore => ({
    ...store,
    remember(step) {
      if (!alive()) return
      state = step.after
      observedMs = Math.max(observedMs, ...state.units.map((unit) => unit.snapshot?.changedAtMonoMs ?? 0))
      events.push(...step.events)
      history.push({ monoMs: clock.now().monoMs, observedMs, state })
      store.remember(step)
    },
  })

  const checkResumed = (resumed: State, recovered: string, newest: Event | undefined) => {
    if (events.length > inFilesFrom && !isDeepStrictEqual(newest, events.at(-1)))
      problems.push(`the event ${events.at(-1)?.seq} was lost in a kill (${recovered}), the newest is ${newest?.seq}`)
    const before = afterStorage(state)
    const changed = before.units.filter(
      (unit, i) => !isDeepStrictEqual(withoutReadings(unit), withoutReadings(resumed.units[i])),
    )
    if (changed.length > 0 || resumed.units.length !== before.units.length || resumed.seq !== before.seq)
      problems.push(
        `a kill changed the state (${recovered}): ${before.seq} became ${resumed.seq}; ${changed.map((u) => JSON.stringify([u, resumed.units.find((r) => r.name === u.name)]))}`,
      )
  }

  const open = async (): Promise<StateStore | null> => {
    const mine = createFsUntilKill()
    fs = mine
    const fresh = afterStorage(state)
    const opened = await openStore({
      path: join(directory, 'state'),
      runtimeDir: join(directory, 'run'),
      clock,
      log: () => {},
      limits: { flushIntervalMs: FLUSH_INTERVAL_MS, bytesPerDay: UNLIMITED_BYTES },
      fresh: () => fresh,
      bootId,
      fs: mine.fs,
      lock: async () => async () => {},
    })
    const store = record(opened.store, mine.alive)
    if (!mine.alive()) {
      await store.stop()
      return null
    }
    if (opened.recovered !== 'fresh')
      checkResumed(afterStorage(opened.state), opened.recovered, opened.store.history().at(-1))
    state = opened.state
    history = [{ monoMs: clock.now().monoMs, observedMs, state }]
    return store
  }

  return {
    state: () => state,
    events: () => events,
    problems: () => problems,
    open() {
      const opened = open()
      opening = opened.catch(() => {})
      return opened
    },
    kill: () => fs.kill(),
    async settled() {
      await opening
      await fs.settled()
    },
    rollBack(cutMs) {
      // Not beyond the start of this agent: the state that it found then was committed.
      const cut = history.findLast(({ monoMs }) => monoMs <= cutMs) ?? history[0]
      if (cut !== undefined) ({ state, observedMs } = cut)
      events = events.filter((event) => event.seq <= state.seq)
      inFilesFrom = events.length
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory)
      return observedMs
    },
    observedMs: () => observedMs,
  }
}

/** The unit without what is read from systemd again, and is therefore not stored at each step. */
function withoutReadings(unit: Unit | undefined) {
  return { ...unit, snapshot: null, settings: null, changedAtMs: null }
}

/** The file system for one process: nothing that starts after its kill has an effect. */
function createFsUntilKill() {
  let alive = true
  const inFlight = new Set<Promise<unknown>>()
  const killed = () => new Error('the agent was killed')
  const sync = intercepted<SyncFs>(nodeFs.sync, (call) => {
    if (!alive) throw killed()
    return call()
  })
  const fs = intercepted<Fs>({ ...nodeFs, sync }, (call) => {
    if (!alive) return Promise.reject(killed())
    const result = call() as Promise<unknown>
    inFlight.add(result)
    const done = () => void inFlight.delete(result)
    result.then(done, done)
    return result
  })
  return {
    fs,
    alive: () => alive,
    kill() {
      alive = false
    },
    settled: () => Promise.allSettled(inFlight),
  }
}

/** The same object, with each of its calls made by `through`; closing a descriptor changes no file. */
function intercepted<T extends object>(target: T, through: (call: () => unknown) => unknown): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key)
      if (typeof value !== 'function' || key === 'close') return value
      return (...args: unknown[]) => through(() => value(...args))
    },
  })
}

/** The state as it is after a round trip through the state file. */
function afterStorage(state: State): State {
  const page = createPageBuilder(Buffer.alloc(1 << 20))
  page.head({
    ...state,
    gatewayId: null,
    reserved: 0,
    acknowledged: 0,
    published: [],
    clean: false,
    budget: null,
    bootId: '',
    stream: state.stream,
  })
  for (const unit of state.units) {
    page.unit(unit)
    const { history } = unitChange(unit, null)
    if (history !== null) page.history(unit.name, history)
  }
  const payload = readPayload(page.bytes())
  if (payload === null) throw new Error('the encoded state cannot be decoded')
  return { ...withUnits(state, applyPayloads(null, 'snapshot', [payload]).units), corrections: 0 }
}
