// systemd as the source of observations: one connection to the bus, kept up, and what the agent may ask of it.
import { stackOf } from '../core/error-text.ts'
import type { Observation } from '../core/observation.ts'
import type { Bus } from '../dbus/bus.ts'
import { connectBus } from '../dbus/connection.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'
import { createCgroupPaths } from './cgroup-path.ts'
import { createConnectionHealth } from './connection-health.ts'
import { createSignalPairing, WANTED_PROPERTIES } from './decode.ts'
import { ntpSynchronized } from './manager-api.ts'
import { createManagerState } from './manager-state.ts'
import { createReconnector } from './reconnect.ts'
import { openSession } from './session.ts'
import { unitsShuttingDown } from './shutdown-jobs.ts'
import { unitPath } from './unit-path.ts'
import { type ConfiguredUnits, configuredUnits, createWatchList, type WatchList } from './watch-list.ts'

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
  const { address, clock, log, random, connect = connectBus } = options
  const pairing = createSignalPairing()
  const manager = createManagerState(clock)
  const cgroups = createCgroupPaths()
  const list = watchListOf(options)
  let observe: (observation: Observation) => void = () => {}
  let started = false
  let stopped = false
  let stopResync = () => {}

  const observeGap = () => observe({ kind: 'gap', at: clock.now() })
  const observeWatch = () => observe({ kind: 'watch', at: clock.now(), units: list.names(), patterns: list.patterns() })

  // Silence while the bus is lost says nothing: not that no restart follows.
  const health = createConnectionHealth({ clock, log, random, onLost: observeGap })

  const down = (reason: string) => {
    manager.leave()
    if (!stopped) health.down(reason)
  }

  const connection = createReconnector({
    after: clock.after,
    connect: (signal) =>
      connect(address, {
        after: clock.after,
        onFault: health.malformed,
        properties: WANTED_PROPERTIES,
        signal,
        onAnswer: health.reply,
      }),
    openSession: (bus) =>
      openSession({
        bus,
        list,
        pairing,
        clock,
        log,
        observe: (observation) => observe(observation),
        malformed: health.malformed,
        wasRead: cgroups.note,
        signal: health.signal,
        subscribing() {
          if (health.everUp()) observeGap()
        },
        up() {
          health.up()
          manager.follow(bus)
        },
        down,
        clockSynced: async () => options.clockMark() || ntpSynchronized(bus),
      }),
    onLost: down,
    retryAfterMs: health.retryAfterMs,
  })

  const reconcile = async () => connection.session()?.reconcile() ?? false

  const resync = () => {
    cgroups.keep(list.has)
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
    watch(patterns) {
      list.configure(validUnits(patterns, log))
      if (!started) return
      observeWatch()
      void reconcile()
    },
    health: health.read,
    firstAttempt: health.firstAttempt,
    lastReplyAtMonoMs: health.lastReplyAtMonoMs,
    system: manager.latest,
    readSystem: manager.detail,
    controlGroup: (unit) => cgroups.of(unit, manager.controlGroup()),
    async unitsShuttingDown() {
      const bus = connection.bus()
      return bus === null ? null : labelsShuttingDown(bus, list)
    },
    async stop() {
      stopped = true
      health.stopped()
      stopResync()
      connection.stop()
      observe = () => {}
    },
  }
}

function watchListOf({ patterns, known = [], maxUnits, log }: SystemdSourceOptions): WatchList {
  return createWatchList(validUnits(patterns, log), known, maxUnits, (name) =>
    log('warning', `${name}: not watched, ${maxUnits} units are the most (max_units)`),
  )
}

/** Each name or pattern that cannot be used is logged. */
function validUnits(patterns: readonly string[], log: Log): ConfiguredUnits {
  const configured = configuredUnits(patterns)
  for (const name of configured.invalid) log('error', `${name}: neither a unit name nor a pattern, not watched`)
  return configured
}

async function labelsShuttingDown(bus: Bus, list: WatchList): Promise<ReadonlySet<string> | null> {
  const labelsOf = (unit: string) => list.at(unitPath(unit))
  const units = await unitsShuttingDown(bus, (unit) => labelsOf(unit).length > 0).catch(() => null)
  return units && new Set([...units].flatMap(labelsOf))
}

/** What `observer` throws is logged: the stream of observations must go on. */
function contained(observer: (observation: Observation) => void, log: Log): (observation: Observation) => void {
  return (observation) => {
    try {
      observer(observation)
    } catch (error) {
      log('error', `bus: an observation was not taken: ${stackOf(error)}`)
    }
  }
}

/** Calls every `ms`, for the first time after them; returns its undo. */
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
