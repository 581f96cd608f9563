// The agent under test, inside this process, on a real bus: its state, its events, and when it received every signal.
import { type Agent, createAgent } from '../../src/agent.ts'
import type { Event } from '../../src/core/event.ts'
import type { Instant, Observation } from '../../src/core/observation.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { withJournalReplay } from '../../src/journal/replay-source.ts'
import type { Clock, StateStore, Step, UnitSource } from '../../src/ports.ts'
import { createPageBuilder, readPayload } from '../../src/store/format/page-records.ts'
import { createSystemdSource } from '../../src/systemd/source.ts'
import { until } from '../rig/until.ts'
import { clock as realClock } from '../systemd/clock.ts'

/** A time in which the agent received every signal, in monotonic ms. */
export interface ObservedInterval {
  readonly fromMs: number
  readonly toMs: number
}

export interface AgentUnderTest {
  state(): State
  /** Events so far, in order, without those that a kill discarded. */
  events(): readonly Event[]
  /** Everything observed, for the failure report. */
  readonly observations: readonly Observation[]
  intervals(): readonly ObservedInterval[]
  problems(): string[]
  /** Ends the agent at once, and sets its state back to what it was `forgetMs` before. */
  kill(forgetMs: number): Promise<void>
  /** Starts it again; resolves when it has read every unit. */
  restart(): Promise<void>
  /** The time on the agent's clocks. */
  now(): Instant
  /** Sets its wall clock, this far ahead of the real one. */
  setClock(aheadMs: number): void
  /** From now on signals may be missed, until `ready`. */
  busLost(): void
  /** Resolves when it is connected and has read every unit. */
  ready(): Promise<void>
  stop(): Promise<void>
}

export interface AgentUnderTestOptions {
  readonly busAddress: string
  readonly patterns: readonly string[]
  readonly bootId: string
  /** The journal from which missed runs are recovered; null for an agent without access to it. */
  readonly journalDir: string | null
}

export async function openAgentUnderTest(options: AgentUnderTestOptions): Promise<AgentUnderTest> {
  const { clock, setAhead } = createShiftedClock()
  const store = createHistoryStore(clock)
  const observations: Observation[] = []
  const intervals: ObservedInterval[] = []
  const problems: string[] = []
  let agent: Agent | null = null
  let source: UnitSource | null = null
  let intervalFromMs: number | null = null

  const closeInterval = (toMs: number) => {
    if (intervalFromMs !== null && toMs > intervalFromMs) intervals.push({ fromMs: intervalFromMs, toMs })
    intervalFromMs = null
  }
  const start = () => {
    const inner = createSource(options, clock, store.state, (text) => void problems.push(text))
    source = {
      ...inner,
      start: (observe) =>
        inner.start((observation) => {
          observations.push(observation)
          store.noteObserved(observation)
          observe(observation)
        }),
    }
    const { bootId } = options
    agent = createAgent({ state: store.state(), bootId, store: store.port, clock, log: () => {} })
    agent.start(source, [])
  }
  const self: AgentUnderTest = {
    state: store.state,
    events: store.events,
    observations,
    intervals: () =>
      intervalFromMs === null ? intervals : [...intervals, { fromMs: intervalFromMs, toMs: Number.POSITIVE_INFINITY }],
    problems: () => [...problems, ...(agent?.problems() ?? [])],
    async kill(forgetMs) {
      const cutMs = clock.now().monoMs - forgetMs
      problems.push(...(agent?.problems() ?? []))
      await agent?.stop()
      const observedMs = store.rollBack(cutMs)
      closeInterval(Math.max(Math.min(cutMs, observedMs), intervalFromMs ?? 0))
      agent = null
    },
    async restart() {
      start()
      await self.ready()
    },
    now: clock.now,
    setClock: setAhead,
    busLost: () => closeInterval(store.observedMs()),
    async ready() {
      await until(() => source?.reconcile() ?? false, { what: 'the agent to read its units', timeoutMs: 20_000 })
      intervalFromMs = clock.now().monoMs
    },
    async stop() {
      await agent?.stop()
    },
  }
  await self.restart()
  return self
}

/** The real clock with a wall clock that can be set ahead. */
function createShiftedClock() {
  let aheadMs = 0
  const now = (): Instant => {
    const { monoMs, wallMs } = realClock.now()
    return { monoMs, wallMs: wallMs + aheadMs }
  }
  const clock: Clock = { now, after: realClock.after }
  const setAhead = (ms: number) => {
    aheadMs = ms
  }
  return { clock, setAhead }
}

/** Keeps the state in memory with its history, so that a kill can go back to an earlier state. */
function createHistoryStore(clock: Clock) {
  let state: State = newState('00112233aabbccdd')
  let events: Event[] = []
  let history: { readonly monoMs: number; readonly observedMs: number; readonly state: State }[] = []
  /** systemd's own time of the newest observed change, which can be much earlier on a busy machine. Signals arrive in order. */
  let observedMs = 0
  const port = {
    remember(step: Step) {
      state = step.after
      events.push(...step.events)
      history.push({ monoMs: clock.now().monoMs, observedMs, state: step.after })
    },
    stop: async () => {},
  } as unknown as StateStore
  return {
    port,
    state: () => state,
    events: () => events,
    observedMs: () => observedMs,
    noteObserved(observation: Observation) {
      if ('snapshot' in observation) observedMs = Math.max(observedMs, observation.snapshot.changedAtMonoMs)
    },
    /** Goes back to the state at `cutMs`, and returns the time of the newest change in it. */
    rollBack(cutMs: number): number {
      const last = history.findLast(({ monoMs }) => monoMs <= cutMs)
      // Not beyond the start of this agent: the state that it found then was committed.
      if (last !== undefined) state = last.state
      events = events.filter((event) => event.seq <= state.seq)
      state = asReadFromFlash(state)
      history = [{ monoMs: clock.now().monoMs, observedMs: 0, state }]
      return last?.observedMs ?? 0
    },
  }
}

function createSource(
  { busAddress, patterns, bootId, journalDir }: AgentUnderTestOptions,
  clock: Clock,
  state: () => State,
  onProblem: (text: string) => void,
): UnitSource {
  const systemd = createSystemdSource({
    address: busAddress,
    patterns,
    clock,
    random: () => 0.5,
    maxUnits: 1000,
    log: () => {},
    resyncIntervalMs: 3_600_000,
    clockMark: () => false,
  })
  if (journalDir === null) return systemd
  return withJournalReplay({
    source: systemd,
    state,
    bootId,
    clock,
    log: (_, text) => onProblem(text),
    command: ['journalctl', `--directory=${journalDir}`],
    readable: () => true,
  })
}

/** The state as it is after a round trip through the state file. */
function asReadFromFlash(state: State): State {
  const page = createPageBuilder(1 << 20)
  page.head({ ...state, gatewayId: null, reserved: 0, acknowledged: 0, clean: false, bootId: '', stream: state.stream })
  for (const unit of state.units) page.unit(unit)
  const payload = readPayload(page.bytes())
  if (payload === null) throw new Error('the encoded state cannot be decoded')
  return { ...withUnits(state, payload.units), corrections: 0 }
}
