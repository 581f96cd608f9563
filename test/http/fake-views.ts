// A fake agent with literal units and events: what the routes of the HTTP API show.
import { ControlError, type UnitCommand } from '../../src/core/command.ts'
import type { CrashEvent, Event } from '../../src/core/event.ts'
import type { CheckName, HealthCheck } from '../../src/core/health.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { type Counters, newUnit } from '../../src/core/unit.ts'
import type { ListedUnit, UnitStatus } from '../../src/core/unit-status.ts'
import type { UnitState } from '../../src/core/views/unit-state.ts'
import type { StreamViews } from '../../src/http/api/stream.ts'
import type { ClearOptions, Views } from '../../src/http/route.ts'
import type { UnitCommands } from '../../src/ports.ts'

export const STREAM = '0011223344556677'
export const IDENTITY = { gatewayId: 'gw-7', machineId: '5d1a9f0c7e3b4a2d8c6f1e0b9a7d5c3e', stream: STREAM }
const COUNTERS: Counters = { starts: 2, stops: 0, crashes: 1, restarts: 1, lost: 0 }

export function crash(seq: number, unit = 'mosquitto.service', more: Partial<CrashEvent> = {}): CrashEvent {
  return {
    kind: 'crash',
    seq,
    unit,
    atMs: 1_795_169_723_412 + seq,
    bootId: 'b00710000000000000000000000000aa',
    source: 'signal',
    clockSynced: true,
    counters: COUNTERS,
    fromState: 'active',
    toState: 'failed',
    subState: 'failed',
    result: 'signal',
    exitCode: null,
    signal: 'SIGKILL',
    coreDumped: false,
    invocationId: '0123456789abcdef0123456789abcdef',
    requested: false,
    willRestart: true,
    ...more,
  }
}

export function lost(seq: number, unit = 'mosquitto.service'): Event {
  const { bootId, source, clockSynced, counters } = crash(seq)
  return { kind: 'lost', seq, unit, atMs: 1_795_169_723_412, bootId, source, clockSynced, counters, invocationId: null }
}

/** A healthy check; with a `problem` an unhealthy one. */
export function checkOf(name: CheckName, problem?: string): HealthCheck {
  return { name, healthy: problem === undefined, message: problem ?? 'OK', sinceMs: 1_795_169_700_000 }
}

const LISTED: readonly ListedUnit[] = ['mosquitto.service', 'ssh.service'].map((unit) => {
  return { unit, description: `About ${unit}`, loadState: 'loaded', activeState: 'active', subState: 'running' }
})

export interface FakeGateway {
  state: State
  events: Event[]
  checks: HealthCheck[]
  readonly cleared: ClearOptions[]
  imported: ReadonlyMap<string, Counters> | null
  /** If set, `status` throws it. */
  broken: Error | null
  rules: { enabled: boolean; token_file: string | null }
  /** Commands that were run. */
  readonly commandsRun: UnitCommand[]
  commands: UnitCommands
  asRoot: boolean
  unitFilesReloaded: number
  /** What systemd shows of a unit. */
  details: (unit: string) => UnitStatus | null | 'busy'
  readonly logged: string[]
  /** Reports a change of a unit that is not watched, while all units are followed; null while they are not. */
  report: ((state: UnitState) => void) | null
  /** Whether systemd responds when all units are to be followed. */
  hasBus: boolean
  readonly stream: StreamViews
  readonly views: Views
}

export function gateway(events: Event[] = [crash(1), lost(2), crash(3, 'devmgmt.service')]): FakeGateway {
  const units = ['mosquitto.service', 'devmgmt.service', 'dev-disk-by\\x2dlabel-data.mount'].map(newUnit)
  const it: FakeGateway = {
    state: { ...withUnits(newState(STREAM), units), seq: events.at(-1)?.seq ?? 0 },
    events,
    checks: [checkOf('bus'), checkOf('units')],
    cleared: [],
    imported: null,
    broken: null,
    rules: { enabled: false, token_file: null },
    commandsRun: [],
    commands: {
      refusal: (unit) => (it.state.index.has(unit) ? null : `${unit} may not be controlled`),
      async run(command) {
        if (command.action === 'reload') throw new ControlError('refused', 'it has no ExecReload=')
        it.commandsRun.push(command)
        return { outcome: command.noWait ? 'queued' : 'done', cause: null }
      },
    },
    asRoot: false,
    unitFilesReloaded: 0,
    details: () => null,
    logged: [],
    report: null,
    hasBus: true,
    stream: {
      identity: () => IDENTITY,
      history: () => it.events,
      followAll(report) {
        it.report = report
        return {
          ready: Promise.resolve(it.hasBus),
          stop() {
            it.report = null
          },
        }
      },
    },
    views: {
      live: () => it.state,
      identity: () => IDENTITY,
      history: () => it.events,
      checks: () => it.checks,
      metrics: async (accept) => ({
        type: 'text/plain; version=0.0.4',
        body: Buffer.from(`# ${accept}\n${'up 1\n'.repeat(2_000)}`),
      }),
      federate: async (matches) =>
        matches.includes('{')
          ? { problem: 'not a selector' }
          : { type: 'text/plain', body: `# ${matches.join(' ')}\n` },
      details: async (unit) => it.details(unit),
      list: async () => (it.hasBus ? LISTED : null),
      wallMsOf: (monoMs) => 1_795_169_000_000 + monoMs,
      now: () => ({ monoMs: 723_412, wallMs: 1_795_169_723_412 }),
      explaining: {
        sources: () => ({ explain: true, journal: 'readable' }),
        fromJournal: async ({ log }) => ({ log: log ?? null, evidence: {} }),
      },
      control: {
        commands: {
          refusal: (unit) => it.commands.refusal(unit),
          run: (command) => it.commands.run(command),
          async daemonReload() {
            if (!it.rules.enabled) throw new ControlError('denied', 'control is disabled')
            it.unitFilesReloaded += 1
          },
        },
        get asRoot() {
          return it.asRoot
        },
        rules: () => it.rules,
      },
      status() {
        if (it.broken !== null) throw it.broken
        return { version: '0.1.0', bus: { connected: true } }
      },
      async system() {
        return { state: 'running', failed_units: 0 }
      },
      async clear(options) {
        if (options.logFile === '/etc/passwd') return '/etc/passwd is neither the log_file nor the events_file'
        it.cleared.push(options)
        return null
      },
      async import(baselines) {
        it.imported = baselines
      },
    },
  }
  return it
}
