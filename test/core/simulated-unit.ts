// A simulated unit for property tests: emits what systemd 252 would, and counts what really happened.
import type { Observation } from '../../src/core/observation.ts'
import { type Counters, type UnitSnapshot, ZERO } from '../../src/core/unit.ts'
import { at, read, signal } from './step-driver.ts'

export const U = 'u.service'
export const SETTINGS = { restart: 'on-failure' }

export const ACTS = [
  ...(['start', 'stop', 'stop badly', 'restart', 'exit 0', 'exit 3', 'SIGKILL', 'skip'] as const),
  ...(['reset-failed', 'reset-failed in ExecStopPost=', 'start in ExecStopPost=', 'upheld'] as const),
  ...(['limit', 'dependency', 'reload', 'contact lost'] as const),
]
type Act = (typeof ACTS)[number]

const EXIT_7 = { result: 'exit-code', mainCode: 1, mainStatus: 7 }
/** What reset-failed changes, whatever the state of the unit. */
const RESET = { result: 'success', nRestarts: 0 }

/** A signal of the unit, or anything else that is observed at a time. */
type Happening = Partial<UnitSnapshot> | ((monoMs: number) => Observation)

/** The happenings as observations, one per ms. */
export const observed = (happenings: readonly Happening[], from: number): Observation[] =>
  happenings.map((h, i) => (typeof h === 'function' ? h(from + i) : signal(U, from + i, h)))

/** Simulates a unit with Restart=on-failure as systemd 252 signals it, and counts what really happened. */
export class SimulatedUnit {
  readonly happenings: Happening[] = []
  expected: Counters = ZERO
  requestedCrashes = 0
  startJobsFailed: Record<string, number> = {}
  running = false
  private now: Partial<UnitSnapshot> = {}
  private runs = 0
  private jobs = 0

  private emit(change: Partial<UnitSnapshot>) {
    this.now = { ...this.now, ...change }
    this.happenings.push(this.now)
  }
  private observe(...kinds: ('gap' | 'contact-lost' | 'reloading')[]) {
    for (const kind of kinds) this.happenings.push((monoMs) => ({ kind, at: at(monoMs) }))
  }
  private read() {
    const { now } = this
    this.happenings.push((monoMs) => read(U, monoMs, now, SETTINGS))
  }
  /** A new job, announced before it runs. */
  private job() {
    const job = ++this.jobs
    this.happenings.push((monoMs) => ({ kind: 'job-new', unit: U, at: at(monoMs), job }))
    return job
  }
  private jobEnds(job: number, result = 'done') {
    this.happenings.push((monoMs) => ({ kind: 'job-removed', unit: U, at: at(monoMs), job, result }))
  }
  private refused(job: number, jobResult: string, result: string) {
    this.jobEnds(job, jobResult)
    this.startJobsFailed[result] = (this.startJobsFailed[result] ?? 0) + 1
  }
  private add(kind: keyof Counters) {
    this.expected = { ...this.expected, [kind]: this.expected[kind] + 1 }
  }
  private open(job: number, restart: boolean) {
    this.add('starts')
    if (restart) this.add('restarts')
    this.running = true
    const fresh = { result: 'success', mainCode: 0, mainStatus: 0 }
    // The new id comes with the states of the previous run, except at an automatic restart, which shows inactive.
    this.emit({
      ...fresh,
      invocationId: `run${++this.runs}`,
      job,
      ...(restart ? { activeState: 'inactive', subState: 'dead' } : {}),
    })
    this.emit({ activeState: 'active', subState: 'running' })
    this.jobEnds(job)
    this.emit({ job: 0 })
  }
  private end(kind: 'stops' | 'crashes', cause: Partial<UnitSnapshot>) {
    this.add(kind)
    this.running = false
    this.emit(cause)
  }
  private crash(cause: Partial<UnitSnapshot>) {
    this.end('crashes', { ...cause, activeState: 'failed', subState: 'failed' })
    this.emit({ activeState: 'activating', subState: 'auto-restart' })
  }
  private stop(job: number) {
    this.emit({ activeState: 'deactivating', subState: 'stop-sigterm', job })
    this.end('stops', { mainCode: 2, mainStatus: 15, activeState: 'inactive', subState: 'dead' })
  }
  private automatic() {
    const job = ++this.jobs
    this.emit({ nRestarts: (this.now.nRestarts ?? 0) + 1, job })
    this.happenings.push((monoMs) => ({ kind: 'job-new', unit: U, at: at(monoMs), job }))
    this.open(job, true)
  }
  /** The main process exits with 7, and ExecStopPost= runs. */
  private exitIntoStopPost() {
    this.emit({ ...EXIT_7, activeState: 'deactivating', subState: 'stop-post' })
  }

  do(act: Act) {
    const waiting = this.now.subState === 'auto-restart'
    const ignoresWait = /^(stop|restart|limit|reload|contact lost)$/.test(act)
    if (waiting && !ignoresWait) this.automatic()
    switch (act) {
      case 'start':
        if (!this.running) {
          const job = this.job()
          this.emit({ job, nRestarts: 0 })
          this.open(job, false)
        }
        return
      case 'stop': {
        const job = this.job()
        if (this.running) this.stop(job)
        else this.emit({ job, ...(waiting ? { activeState: 'inactive', subState: 'dead' } : {}) })
        this.jobEnds(job)
        return this.emit({ job: 0, nRestarts: 0 })
      }
      case 'stop badly': {
        if (!this.running) return
        const job = this.job()
        this.requestedCrashes += 1
        this.emit({ activeState: 'deactivating', subState: 'stop-sigterm', job })
        this.end('crashes', { ...EXIT_7, activeState: 'failed', subState: 'failed' })
        this.jobEnds(job)
        return this.emit({ job: 0 })
      }
      case 'restart': {
        const job = this.job()
        const straight = this.running || waiting
        if (this.running) this.stop(job)
        this.emit({ job, nRestarts: 0 })
        return this.open(job, straight)
      }
      case 'exit 0':
        if (!this.running) return
        return this.end('stops', { mainCode: 1, mainStatus: 0, activeState: 'inactive', subState: 'dead' })
      case 'exit 3':
        if (this.running) this.crash({ result: 'exit-code', mainCode: 1, mainStatus: 3 })
        return
      case 'SIGKILL':
        if (this.running) this.crash({ result: 'signal', mainCode: 2, mainStatus: 9 })
        return
      case 'skip': {
        if (this.running) return
        const job = this.job()
        this.add('starts')
        const fresh = { nRestarts: 0, result: 'success', mainCode: 0, mainStatus: 0 }
        this.emit({ ...fresh, job, invocationId: `run${++this.runs}` })
        this.end('stops', { result: 'exec-condition', activeState: 'inactive', subState: 'dead' })
        this.jobEnds(job)
        return this.emit({ job: 0 })
      }
      case 'reset-failed':
        if (this.now.activeState === 'failed') this.emit({ ...RESET, activeState: 'inactive', subState: 'dead' })
        return
      case 'reset-failed in ExecStopPost=':
        if (!this.running) return
        this.exitIntoStopPost()
        this.emit(RESET)
        return this.end('crashes', { activeState: 'inactive', subState: 'dead' })
      case 'start in ExecStopPost=': {
        if (!this.running) return
        this.exitIntoStopPost()
        const job = this.job()
        this.emit({ job })
        this.end('crashes', { activeState: 'failed', subState: 'failed' })
        this.emit({ nRestarts: 0 })
        return this.open(job, true)
      }
      case 'upheld': {
        if (!this.running) return
        const job = ++this.jobs // announced after the failure
        this.end('crashes', { ...EXIT_7, activeState: 'failed', subState: 'failed', job })
        this.happenings.push((monoMs) => ({ kind: 'job-new', unit: U, at: at(monoMs), job }))
        this.emit({ nRestarts: 0 })
        return this.open(job, true)
      }
      case 'limit': {
        if (!waiting) return
        const job = this.job()
        this.emit({ nRestarts: (this.now.nRestarts ?? 0) + 1, job })
        this.emit({ activeState: 'inactive', subState: 'dead' })
        this.emit({ activeState: 'failed', subState: 'failed' })
        this.refused(job, 'failed', 'start-limit-hit')
        return this.emit({ job: 0 })
      }
      case 'dependency':
        if (!this.running) this.refused(this.job(), 'dependency', 'dependency')
        return
      case 'reload':
        this.observe('reloading')
        return this.read()
      case 'contact lost':
        this.observe('gap', 'contact-lost', 'gap')
        return this.read()
    }
  }

  /** The properties that a read would return now. */
  get state(): Partial<UnitSnapshot> {
    return this.now
  }
}
