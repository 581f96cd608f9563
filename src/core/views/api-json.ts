// JSON form of an event and of a unit, the same in MQTT, HTTP, the command line and files.
import type { Event } from '../event.ts'
import { type After, type Because, type Cause, evidenceJson } from '../explain/evidence.ts'
import type { HealthCheck } from '../health.ts'
import { shownCounters, type Unit } from '../unit.ts'
import { isKnown, missingReason, shownState } from '../unit-facts.ts'

/** Identifies the gateway and the history; part of every event. */
export interface Identity {
  readonly gatewayId: string
  /** Derived, never the raw one (machine-id(5)). */
  readonly machineId: string
  readonly stream: string
}

export type Json = Record<string, unknown>

/** UTC, RFC 3339 with milliseconds. `ms` since the epoch. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString()
}

/** An event in the documented shape. One of the agent itself has neither `service` nor `counters`. `replayed`: it is published later than it happened. */
export function eventJson(event: Event, identity: Identity, replayed = false): Json {
  return {
    schema: 1,
    id: `${identity.stream}-${event.seq}`,
    seq: event.seq,
    event: event.kind,
    ...(event.unit === null ? {} : { service: event.unit }),
    timestamp: rfc3339(event.atMs),
    gateway_id: identity.gatewayId,
    machine_id: identity.machineId,
    boot_id: event.bootId,
    ...fieldsOfKind(event, identity.stream),
    ...(event.counters === null ? {} : { counters: event.counters }),
    source: event.source,
    replayed,
    clock_synced: event.clockSynced,
    ...(event.seqGap === undefined ? {} : { seq_gap: event.seqGap }),
  }
}

function fieldsOfKind(event: Event, stream: string): Json {
  switch (event.kind) {
    case 'start':
    case 'restart':
      return { ...changeFields(event), invocation_id: event.invocationId }
    case 'stop':
      return {
        ...changeFields(event),
        ...causeFields(event),
        invocation_id: event.invocationId,
        requested: event.requested,
        ...endFields(event),
      }
    case 'crash':
      return {
        ...changeFields(event),
        ...causeFields(event),
        invocation_id: event.invocationId,
        requested: event.requested,
        will_restart: event.willRestart,
        ...endFields(event),
        ...(event.evidence === undefined ? {} : { evidence: evidenceJson(event.evidence) }),
        ...(event.log === undefined ? {} : { log: event.log }),
      }
    case 'lost':
      return { invocation_id: event.invocationId, ...endFields(event) }
    case 'gave_up':
      return { ...changeFields(event), result: event.result }
    case 'flapping':
      return {
        flapping: event.flapping,
        crashes_in_window: event.crashesInWindow,
        window_seconds: event.windowSeconds,
      }
    case 'summary':
      return {
        ...event.counted,
        by_result: event.byResult,
        first_timestamp: rfc3339(event.firstMs),
        last_timestamp: rfc3339(event.lastMs),
      }
    case 'unit_appeared':
    case 'unit_vanished':
      return { load_state: event.loadState }
    case 'start_refused':
      return { result: event.result }
    case 'evidence':
      return {
        of: `${stream}-${event.of}`,
        evidence: evidenceJson(event.evidence),
        ...endFields(event),
      }
    case 'command':
      return { action: event.action, outcome: event.outcome, via: event.via, who: event.who }
    case 'identity_changed':
      return { former_gateway_id: event.formerGatewayId, former_machine_id: event.formerMachineId }
  }
}

function endFields({ because, after }: { because?: Because; after?: After }): Json {
  return { ...(because && { because }), ...(after && { after }) }
}

function changeFields(e: { fromState: string; toState: string; subState: string }): Json {
  return { from_state: e.fromState, to_state: e.toState, sub_state: e.subState }
}

/** Why a run ended. */
export function causeFields(e: Cause) {
  return { result: e.result, exit_code: e.exitCode, signal: e.signal, core_dumped: e.coreDumped }
}

/**
 * The current state of a unit: state, time of the last change, counters, last crash. While the state is unknown, only what
 * was counted remains.
 */
export function unitJson(unit: Unit): Json {
  const last = unit.lastCrash
  const known = isKnown(unit)
  return {
    service: unit.name,
    load_state: known ? (unit.settings?.loadState ?? null) : null,
    active_state: shownState(unit),
    sub_state: known ? unit.snapshot.subState : null,
    missing: missingReason(unit),
    since: known && unit.changedAtMs !== null ? rfc3339(unit.changedAtMs) : null,
    running: known ? unit.run !== null : null,
    invocation_id: known ? (unit.run?.id ?? null) : null,
    flapping: known ? unit.flapping : null,
    gave_up: known ? unit.gaveUp : null,
    frozen: known ? unit.snapshot.frozen : null,
    counters: shownCounters(unit),
    baseline: unit.baseline,
    failures: unit.failures,
    start_jobs_failed: unit.startJobsFailed,
    last_crash: last && {
      timestamp: rfc3339(last.atMs),
      ...causeFields(last.cause),
      requested: last.requested,
    },
  }
}

/** A check of the agent's health. */
export function checkJson({ name, healthy, message, sinceMs }: HealthCheck): Json {
  return { name, healthy, message, since: rfc3339(sinceMs) }
}
