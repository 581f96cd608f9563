// The unit source: watches systemd over D-Bus, reports observations to the agent, and serves its queries about units and systemd.
import { stackOf } from '../core/error-text.ts'
import type { Observation } from '../core/observation.ts'
import { plural } from '../core/views/format.ts'
import type { UnitState } from '../core/views/unit-state.ts'
import type { Bus } from '../dbus/bus.ts'
import { connectBus } from '../dbus/connection.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'
import { type ConnectionHealth, createConnectionHealth } from './connection-health.ts'
import { createSignalPairing, WANTED_PROPERTIES } from './decode.ts'
import { createUnitFacts, STATUS_TEXT } from './facts/unit-facts.ts'
import { type AllUnits, createAllUnits } from './listing/all-units.ts'
import { ntpSynchronized } from './manager-api.ts'
import { createManagerState } from './manager-state.ts'
import { createReconnector } from './reconnect.ts'
import { openSession, type Session } from './session.ts'
import { unitsShuttingDown } from './shutdown-jobs.ts'
import { unitPath } from './unit-path.ts'
import { createPatternReports } from './unmatched-patterns.ts'
import { type ConfiguredUnits, configuredUnits, createWatchList, invalidText, type WatchList } from './watch-list.ts'

export interface SystemdSourceOptions {
  /** Addresses of the system bus or a user bus, separated by `;`. */
  readonly address: string
  readonly clock: Clock
  readonly log: Log
  /** Random numbers in [0, 1). */
  readonly random: () => number
  /** Configured names and patterns. */
  readonly patterns: readonly string[]
  /** Units that matched the patterns in an earlier run: they are read even if systemd does not list them (stopped instances). */
  readonly known?: readonly string[]
  readonly resyncIntervalMs: number
  readonly maxUnits: number
  /** Follows the status texts of services, which each of their signals contains. */
  readonly statusTexts?: boolean
  readonly connect?: typeof connectBus
}

/** Watches systemd at `address`. It connects on `start`; after that, no method throws. */
export function createSystemdSource(options: SystemdSourceOptions): UnitSource {
  const { clock, log, random } = options
  const facts = createUnitFacts()
  const pairing = createSignalPairing(facts.noteStatus)
  const manager = createManagerState(clock)
  const list = watchListOf(options)
  const allUnits = createAllUnits(clock, list.has)
  const patternReports = createPatternReports(log)
  let observe: (observation: Observation) => void = () => {}
  let started = false
  let stopped = false
  let stopResync = () => {}

  const lost = (kind: 'gap' | 'contact-lost') => observe({ kind, at: clock.now() })
  const observeWatch = () => observe({ kind: 'watch', at: clock.now(), units: list.names(), patterns: list.patterns() })

  // The gap is reported at once: otherwise silence on the bus would count as evidence that no restart followed.
  const health = createConnectionHealth({ clock, log, random, onLost: lost })
  const down = (reason: string) => {
    manager.leave()
    if (!stopped) health.down(reason)
  }

  const connection = createReconnector({
    after: clock.after,
    connect: connector(options, health),
    openSession: (bus) =>
      openSession({
        bus,
        list,
        allUnits,
        pairing,
        clock,
        log,
        observe: (observation) => observe(observation),
        malformed: health.malformed,
        wasRead: facts.note,
        signal: health.signal,
        unmatched: patternReports.note,
        subscribing: () => (health.everUp() ? lost('gap') : undefined),
        up() {
          health.up()
          manager.follow(bus)
        },
        down,
      }),
    onLost: down,
    retryAfterMs: health.retryAfterMs,
  })

  const reconcile = async () => connection.session()?.reconcile() ?? false

  const resync = () => {
    facts.keep(list.has)
    void reconcile()
  }

  return {
    start(observer) {
      if (started) return
      started = true
      observe = contained(observer, log)
      health.started()
      observeWatch()
      stopResync = every(options.resyncIntervalMs, resync, clock)
      connection.start()
    },
    reconcile,
    suspectGap: () => connection.session()?.suspectGap(),
    watch(patterns) {
      list.configure(validUnits(patterns, log))
      if (!started) return
      observeWatch()
      void reconcile()
    },
    forget: (units) => forgetUnits(units, list, connection.session()),
    followAll: (report) => followAll(report, allUnits, connection.session),
    health: () => ({ ...health.read(), unwatchable: unwatchable(list, connection.session()) }),
    unmatchedPatterns: () => (health.read().connected ? patternReports.read(list.patterns(), list.all()) : []),
    firstAttempt: health.firstAttempt,
    lastReplyAtMonoMs: health.lastReplyAtMonoMs,
    system: manager.latest,
    readSystem: manager.detail,
    clockSynchronized: async () => ntpSynchronized(connection.bus()),
    controlGroup: (unit) => facts.controlGroup(unit, manager.controlGroup()),
    crashFacts: facts.of,
    memoryPeak: (unit) => facts.memoryPeak(unit, connection.bus()),
    unitsShuttingDown: (withinMs) => labelsShuttingDown(connection.bus(), list, withinMs),
    async stop() {
      stopped = true
      health.stopped()
      stopResync()
      connection.stop()
      observe = () => {}
    },
  }
}

/** Connects to the bus, decoding only the wanted properties. */
function connector(options: SystemdSourceOptions, health: ConnectionHealth) {
  const { address, clock, statusTexts = false, connect = connectBus } = options
  const properties = statusTexts ? new Set([...WANTED_PROPERTIES, STATUS_TEXT]) : WANTED_PROPERTIES
  return (signal: AbortSignal) => connect(address, { after: clock.after, properties, signal, ...health.reports })
}

/** So that a unit that returns is found again. */
function forgetUnits(units: readonly string[], list: WatchList, session: Session | null): void {
  for (const unit of units) {
    list.remove(unit)
    session?.forget(unit)
  }
}

function followAll(report: (state: UnitState) => void, allUnits: AllUnits, session: () => Session | null) {
  allUnits.follow(report)
  return {
    ready: session()?.followAll() ?? Promise.resolve(false),
    stop() {
      allUnits.unfollow()
      session()?.unfollowAll()
    },
  }
}

function unwatchable(list: WatchList, session: Session | null): string[] {
  return [...list.problems(), ...(session?.unreadable() ?? [])]
}

function watchListOf({ patterns, known = [], maxUnits, log }: SystemdSourceOptions): WatchList {
  return createWatchList(validUnits(patterns, log), known, maxUnits, (name) =>
    log('warning', `${name}: not watched: the limit of ${plural(maxUnits, 'unit')} is reached (max_units)`),
  )
}

/** Logs each name or pattern that is not valid. */
function validUnits(patterns: readonly string[], log: Log): ConfiguredUnits {
  const configured = configuredUnits(patterns)
  for (const name of configured.invalid) log('error', invalidText(name))
  return configured
}

async function labelsShuttingDown(
  bus: Bus | null,
  list: WatchList,
  withinMs: number,
): Promise<ReadonlySet<string> | null> {
  if (bus === null) return null
  const labelsOf = (unit: string) => list.at(unitPath(unit))
  const units = await unitsShuttingDown(bus, (unit) => labelsOf(unit).length > 0, withinMs).catch(() => null)
  return units && new Set([...units].flatMap(labelsOf))
}

/** `observer`, but an exception is only logged: later observations must still be delivered. */
function contained(observer: (observation: Observation) => void, log: Log): (observation: Observation) => void {
  return (observation) => {
    try {
      observer(observation)
    } catch (error) {
      log('error', `bus: internal error, observation discarded: ${stackOf(error)}`)
    }
  }
}

/** Calls back every `ms`, the first time after `ms`; returns a function that stops it. */
function every(ms: number, call: () => void, clock: Clock): () => void {
  let undo = () => {}
  const again = () => {
    undo = clock.after(ms, () => {
      call()
      again()
    })
  }
  again()
  return () => undo()
}
