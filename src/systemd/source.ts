// systemd as the source of observations: keeps one connection to the bus, comes back when it is lost, and says so once.
import { type Backoff, backoffMs } from '../core/backoff.ts'
import { messageOf, stackOf } from '../core/error-text.ts'
import type { Observation } from '../core/observation.ts'
import type { Bus } from '../dbus/bus.ts'
import { connectBus } from '../dbus/connection.ts'
import type { BusHealth, Clock, Log, UnitSource } from '../ports.ts'
import { createCallDurations } from './call-durations.ts'
import { createCgroupPaths } from './cgroup-path.ts'
import { createSignalPairing, WANTED_PROPERTIES } from './decode.ts'
import { ntpSynchronized } from './manager-api.ts'
import { createManagerState } from './manager-state.ts'
import { type ConfiguredUnits, configuredUnits, unitPath } from './names.ts'
import { openSession, type Session } from './session.ts'
import { unitsShuttingDown } from './shutdown-jobs.ts'
import { createWatchList, type WatchList } from './watch-list.ts'

const RECONNECT: Backoff = { firstMs: 500, longestMs: 30_000, shortestMs: 500 }
/** A connection that lasted this long was a good one: the next attempt is the first again. */
const GOOD_AFTER_MS = 30_000
const NEVER_TRIED = 'not connected yet'

export interface SystemdSourceOptions {
  /** Addresses of the system or the user bus, `;` between them. */
  readonly address: string
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
  /** Configured names and patterns. */
  readonly patterns: readonly string[]
  /** Units that the patterns stood for in an earlier run: read even where nothing lists them (a stopped instance). */
  readonly known?: readonly string[]
  readonly resyncIntervalMs: number
  readonly maxUnits: number
  /** systemd's mark of a synchronised clock is there (`/run/systemd/timesync/synchronized`). */
  readonly clockMark: () => boolean
  readonly connect?: typeof connectBus
}

/** Watches systemd at `address`. Nothing is connected before `start`, and nothing throws after it. */
export function createSystemdSource(options: SystemdSourceOptions): UnitSource {
  const { clock, log, connect = connectBus } = options
  const pairs = createSignalPairing()
  const took = createCallDurations()
  const system = createManagerState(clock)
  const places = createCgroupPaths()
  let configured: ConfiguredUnits
  let list: WatchList
  let observer: (observation: Observation) => void = () => {}
  let bus: Bus | null = null
  let session: Session | null = null
  let started = false
  let stopped = false
  let attempt = 0
  let undoRetry = () => {}
  let undoResync = () => {}
  let upAtMonoMs: number | null = null
  let lostAtMonoMs: number | null = null
  let problem: string | null = NEVER_TRIED
  let ups = 0
  let signals = 0
  let malformed = 0
  let answeredAtMonoMs: number | null = null
  let noteTried = () => {}
  const tried = new Promise<void>((resolve) => {
    noteTried = resolve
  })

  const configure = (patterns: readonly string[], known: readonly string[]) => {
    configured = configuredUnits(patterns)
    for (const name of configured.invalid) log('error', `${name}: neither a unit name nor a pattern, not watched`)
    list = createWatchList(configured, known, options.maxUnits, (name) =>
      log('warning', `${name}: not watched, ${options.maxUnits} units are the most (max_units)`),
    )
  }
  configure(options.patterns, options.known ?? [])

  const abort = new AbortController()

  const tellWatch = () => {
    const units = configured.names.filter((name) => list.has(name))
    observe({ kind: 'watch', at: clock.now(), units, patterns: configured.patterns })
  }

  const observe = (observation: Observation) => {
    try {
      observer(observation)
    } catch (error) {
      log('error', `bus: an observation was not taken: ${stackOf(error)}`)
    }
  }

  const subscribing = () => {
    if (ups > 0) observe({ kind: 'gap', at: clock.now() })
  }

  const up = () => {
    const now = clock.now()
    const away = lostAtMonoMs === null ? 0 : now.monoMs - lostAtMonoMs
    if (problem !== null)
      log('info', ups === 0 ? 'bus: connected' : `bus: back after ${Math.max(1, Math.round(away / 1000))} s`)
    ups += 1
    upAtMonoMs = now.monoMs
    lostAtMonoMs = null
    problem = null
    if (bus !== null) system.follow(bus)
    noteTried()
  }

  const down = (reason: string) => {
    system.leave()
    if (stopped) return
    const { monoMs } = clock.now()
    if (problem === null) {
      log('warning', `bus: lost (${reason})`)
      observe({ kind: 'gap', at: clock.now() }) // silence now says nothing: not that no restart follows
    } else if (ups === 0 && problem === NEVER_TRIED)
      log('warning', `bus: not there (${reason}), trying again until it is`)
    else if (problem !== reason) log('debug', `bus: still lost (${reason})`)
    if (upAtMonoMs !== null && monoMs - upAtMonoMs >= GOOD_AFTER_MS) attempt = 0
    upAtMonoMs = null
    lostAtMonoMs ??= monoMs
    problem = reason
    noteTried()
  }

  const noteMalformed = (reason: string) => {
    malformed += 1
    log(malformed === 1 ? 'warning' : 'debug', `bus: unreadable: ${reason}`)
  }

  const lost = (reason: string) => {
    session?.end()
    session = null
    bus = null
    down(reason)
    if (stopped) return
    undoRetry()
    undoRetry = clock.after(backoffMs(RECONNECT, attempt, options.random()), () => void open())
    attempt += 1
  }

  const open = async () => {
    let opened: Bus
    try {
      opened = await connect(options.address, {
        after: clock.after,
        onFault: noteMalformed,
        properties: WANTED_PROPERTIES,
        signal: abort.signal,
        onAnswer(member, ms) {
          answeredAtMonoMs = clock.now().monoMs
          took.add(member, ms)
        },
      })
    } catch (error) {
      return lost(messageOf(error))
    }
    if (stopped) return opened.close('not needed any more')
    bus = opened
    opened.onClose((reason) => {
      if (bus === opened) lost(reason)
    })
    try {
      const begun = await openSession({
        bus: opened,
        labels: () => list,
        patterns: () => configured.patterns,
        pairing: pairs,
        clock,
        log,
        observe,
        malformed: noteMalformed,
        wasRead: places.note,
        signal: () => {
          signals += 1
        },
        subscribing,
        up,
        down,
        clockSynced: async (on) => options.clockMark() || ntpSynchronized(on),
      })
      if (bus === opened) session = begun
      else begun.end()
    } catch (error) {
      opened.close(messageOf(error))
    }
  }

  const reconcile = async () => (session === null ? false : session.reconcile())

  const resyncLater = () => {
    undoResync = clock.after(options.resyncIntervalMs, () => {
      places.keep(list.has)
      void reconcile()
      resyncLater()
    })
  }

  return {
    start(observe) {
      if (started) return
      started = true
      observer = observe
      lostAtMonoMs = clock.now().monoMs
      tellWatch()
      resyncLater()
      void open()
    },
    reconcile,
    watch(patterns) {
      configure(patterns, list.all())
      if (!started) return
      tellWatch()
      void reconcile()
    },
    health(): BusHealth {
      const reconnects = Math.max(0, ups - 1)
      return {
        connected: problem === null,
        lostAtMonoMs,
        problem,
        signals,
        reconnects,
        malformed,
        callSeconds: took.read(),
      }
    },
    firstAttempt: () => tried,
    lastReplyAtMonoMs: () => answeredAtMonoMs,
    system: system.latest,
    readSystem: system.detail,
    controlGroup: (unit) => places.of(unit, system.controlGroup()),
    async unitsShuttingDown() {
      const labelsOf = (unit: string) => list.at(unitPath(unit))
      const isWatched = (unit: string) => labelsOf(unit).length > 0
      const units = bus === null ? null : await unitsShuttingDown(bus, isWatched).catch(() => null)
      return units && new Set([...units].flatMap(labelsOf))
    },
    async stop() {
      stopped = true
      noteTried()
      undoRetry()
      undoResync()
      abort.abort()
      session?.end()
      bus?.close('stopped')
      observer = () => {}
    },
  }
}
