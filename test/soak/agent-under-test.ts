// The agent under test, inside this process, on a real bus: its state, its events, and when it received every signal.
import { type Agent, createAgent } from '../../src/agent.ts'
import type { Event } from '../../src/core/event.ts'
import type { Instant, Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { withJournalReplay } from '../../src/journal/replay-source.ts'
import type { Clock, UnitSource } from '../../src/ports.ts'
import { createSystemdSource } from '../../src/systemd/source.ts'
import { until } from '../rig/until.ts'
import { clock as realClock } from '../systemd/clock.ts'
import { createStateAcrossKills } from './state-across-kills.ts'

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
  /** Signals may have been missed at some time, even if no interval ended: two kills can follow too closely for one. */
  interrupted(): boolean
  problems(): string[]
  /** Ends the agent as SIGKILL does. If `forgetMs` is not 0, its files are lost, and its state is that of so long before. */
  kill(forgetMs: number): Promise<void>
  /** Starts it again; resolves when it runs, before it has read any unit. */
  start(): Promise<void>
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
  /** An empty directory for the agent's state. */
  readonly stateDir: string
  /** The journal from which missed runs are recovered; null for an agent without access to it. */
  readonly journalDir: string | null
}

export async function openAgentUnderTest(options: AgentUnderTestOptions): Promise<AgentUnderTest> {
  const { clock, setAhead } = createShiftedClock()
  const kept = createStateAcrossKills(options.stateDir, options.bootId, clock)
  const observations: Observation[] = []
  const intervals: ObservedInterval[] = []
  const problems: string[] = []
  let agent: Agent | null = null
  let source: UnitSource | null = null
  let intervalFromMs: number | null = null
  let interrupted = false

  const closeInterval = (toMs: number) => {
    if (intervalFromMs !== null && toMs > intervalFromMs) intervals.push({ fromMs: intervalFromMs, toMs })
    intervalFromMs = null
    interrupted = true
  }
  const self: AgentUnderTest = {
    state: kept.state,
    events: kept.events,
    observations,
    intervals: () =>
      intervalFromMs === null ? intervals : [...intervals, { fromMs: intervalFromMs, toMs: Number.POSITIVE_INFINITY }],
    interrupted: () => interrupted,
    problems: () => [...problems, ...kept.problems(), ...(agent?.problems() ?? [])],
    async kill(forgetMs) {
      const cutMs = clock.now().monoMs - forgetMs
      kept.kill()
      const killed = agent
      agent = null
      source = null
      problems.push(...(killed?.problems() ?? []))
      await killed?.stop()
      await kept.settled()
      closeInterval(Math.min(cutMs, forgetMs > 0 ? kept.rollBack(cutMs) : kept.observedMs()))
    },
    async start() {
      const store = await kept.open()
      if (store === null) return
      const { bootId } = options
      const started = createAgent({ state: kept.state(), bootId, store, clock, log: () => {} })
      const inner = createSource(options, clock, kept.state, (text) => void problems.push(text))
      source = {
        ...inner,
        start: (observe) =>
          inner.start((observation) => {
            if (agent !== started) return
            observations.push(observation)
            observe(observation)
          }),
      }
      agent = started
      started.start(source, [])
    },
    now: clock.now,
    setClock(aheadMs) {
      setAhead(aheadMs)
      agent?.lookAtClock() // as its periodic timer does
    },
    busLost: () => closeInterval(kept.observedMs()),
    async ready() {
      await until(() => source?.reconcile() ?? false, { what: 'the agent to read its units', timeoutMs: 20_000 })
      intervalFromMs = clock.now().monoMs
    },
    async stop() {
      await agent?.stop()
    },
  }
  await self.start()
  await self.ready()
  return self
}

/** The real clock with a wall clock that can be set ahead. */
function createShiftedClock() {
  let aheadMs = 0
  const now = (): Instant => {
    const { monoMs, wallMs } = realClock.now()
    return { monoMs, wallMs: wallMs + aheadMs }
  }
  const wallMsOf = (monoMs: number) => realClock.wallMsOf(monoMs) + aheadMs
  const clock: Clock = { now, wallMsOf, after: realClock.after }
  const setAhead = (ms: number) => {
    aheadMs = ms
  }
  return { clock, setAhead }
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
