// The agent inside this process, on a real bus: its state, everything it told, and when it surely heard everything.
import { type Agent, createAgent } from '../../src/agent.ts'
import type { Event } from '../../src/core/event.ts'
import type { Instant, Observation } from '../../src/core/observation.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { withJournalReplay } from '../../src/journal/replay-source.ts'
import type { Clock, StateStore, Step, UnitSource } from '../../src/ports.ts'
import { createPageBuilder, readPayload } from '../../src/store/format/page-records.ts'
import { createSystemdSource } from '../../src/systemd/source.ts'
import { until } from '../rig/until.ts'
import { clock as real } from '../systemd/clock.ts'

/** A time in which the agent listened, in monotonic ms. */
export interface Window {
  readonly fromMs: number
  readonly toMs: number
}

export interface Heard {
  state(): State
  /** What was told and not forgotten since, in order. */
  events(): readonly Event[]
  /** Everything observed, for a look at what went wrong. */
  readonly observations: readonly Observation[]
  windows(): readonly Window[]
  problems(): string[]
  /** The agent is gone at once, and all that it knew is what it knew so long ago. */
  kill(forgetMs: number): Promise<void>
  /** Starts it again; resolves when it has read every unit. */
  back(): Promise<void>
  /** The agent's clocks. */
  now(): Instant
  /** Sets its wall clock, so far ahead of the real one. */
  setClock(aheadMs: number): void
  /** From now on it may have missed something; until `listening`. */
  deaf(): void
  /** Resolves when it is connected and has read every unit. */
  listening(): Promise<void>
  stop(): Promise<void>
}

export interface HearOptions {
  readonly busAddress: string
  readonly patterns: readonly string[]
  readonly bootId: string
  /** Where the journal is that tells of absences; null for an agent that may not read it. */
  readonly journalDir: string | null
}

export async function hear({ busAddress, patterns, bootId, journalDir }: HearOptions): Promise<Heard> {
  let kept: State = newState('00112233aabbccdd')
  let events: Event[] = []
  let history: { readonly monoMs: number; readonly heardMs: number; readonly state: State }[] = []
  /** systemd's own time of the newest change that was taken in: on a busy machine far behind. Signals come in order. */
  let heardMs = 0
  let agent: Agent | null = null
  let source: UnitSource | null = null
  let fromMs: number | null = null
  let aheadMs = 0
  const now = (): Instant => ({ monoMs: real.now().monoMs, wallMs: real.now().wallMs + aheadMs })
  const clock: Clock = { now, after: real.after }
  const observations: Observation[] = []
  const windows: Window[] = []
  const problems: string[] = []

  const store: StateStore = {
    remember(step: Step) {
      kept = step.after
      events.push(...step.events)
      history.push({ monoMs: clock.now().monoMs, heardMs, state: step.after })
    },
    stop: async () => {},
  } as unknown as StateStore

  const begin = () => {
    const systemd = createSystemdSource({
      ...{ address: busAddress, patterns, clock, random: () => 0.5, maxUnits: 1000 },
      log: () => {},
      resyncIntervalMs: 3_600_000,
      clockMark: () => false,
    })
    const inner =
      journalDir === null
        ? systemd
        : withJournalReplay({
            ...{ source: systemd, state: () => kept, bootId, clock, log: (_, text) => void problems.push(text) },
            ...{ command: ['journalctl', `--directory=${journalDir}`], readable: () => true },
          })
    source = {
      ...inner,
      start: (observe) =>
        inner.start((observation) => {
          observations.push(observation)
          if ('snapshot' in observation) heardMs = Math.max(heardMs, observation.snapshot.changedAtMonoMs)
          observe(observation)
        }),
    }
    agent = createAgent({ state: kept, bootId, store, clock, log: () => {} })
    agent.start(source, [])
  }
  const close = (toMs: number) => {
    if (fromMs !== null && toMs > fromMs) windows.push({ fromMs, toMs })
    fromMs = null
  }
  const self: Heard = {
    state: () => kept,
    events: () => events,
    observations,
    windows: () => (fromMs === null ? windows : [...windows, { fromMs, toMs: Infinity }]),
    problems: () => [...problems, ...(agent?.problems() ?? [])],
    async kill(forgetMs) {
      const cutMs = clock.now().monoMs - forgetMs
      problems.push(...(agent?.problems() ?? []))
      await agent?.stop()
      const last = history.findLast(({ monoMs }) => monoMs <= cutMs)
      const from = fromMs
      close(Math.max(Math.min(cutMs, last?.heardMs ?? 0), from ?? 0))
      // Not before this run of the agent: what it found then was committed.
      if (last !== undefined) kept = last.state
      events = events.filter((event) => event.seq <= kept.seq)
      kept = asFromFlash(kept)
      history = [{ monoMs: clock.now().monoMs, heardMs: 0, state: kept }]
      agent = null
    },
    async back() {
      begin()
      await self.listening()
    },
    now,
    setClock(ahead) {
      aheadMs = ahead
    },
    deaf: () => close(heardMs),
    async listening() {
      await until(() => source?.reconcile() ?? false, { what: 'the agent to read its units', timeoutMs: 20_000 })
      fromMs = clock.now().monoMs
    },
    async stop() {
      await agent?.stop()
    },
  }
  await self.back()
  return self
}

/** What a state file gives back of it. */
function asFromFlash(state: State): State {
  const page = createPageBuilder(1 << 20)
  page.head({ ...state, gatewayId: null, reserved: 0, acknowledged: 0, clean: false, bootId: '', stream: state.stream })
  for (const unit of state.units) page.unit(unit)
  const payload = readPayload(page.bytes())
  if (payload === null) throw new Error('the state did not survive the codec')
  return { ...withUnits(state, payload.units), corrections: 0 }
}
