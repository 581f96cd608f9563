// Builds the payload of each topic. Pure.

import type { Event } from '../core/event.ts'
import type { Unit } from '../core/unit.ts'
import { eventJson, type Identity, type Json, rfc3339, unitJson } from '../core/views/api-json.ts'
import type { BusHealth, MqttHealth, StoreHealth } from '../ports.ts'
import type { Message } from './connection/connection.ts'
import type { DroppedEvents } from './delivery/dropped-record.ts'
import type { Topics } from './topics.ts'

/** On MQTT 5, `session` is a user property of the message. */
export function availabilityMessage(topics: Topics, payload: 'online' | 'offline', session: string): Message {
  return { topic: topics.availability, payload, retain: true, properties: { session } }
}

export function eventPayload(event: Event, identity: Identity, replayed: boolean): string {
  return JSON.stringify(eventJson(event, identity, replayed))
}

/** The record of dropped events; it has no sequence number of its own. `atMs`: the time of publishing. */
export function droppedPayload(dropped: DroppedEvents, identity: Identity, bootId: string, atMs: number): string {
  return JSON.stringify({
    schema: 1,
    event: 'dropped',
    timestamp: rfc3339(atMs),
    gateway_id: identity.gatewayId,
    machine_id: identity.machineId,
    boot_id: bootId,
    stream: identity.stream,
    from_seq: dropped.fromSeq,
    to_seq: dropped.toSeq,
    dropped: dropped.count,
    by_kind: dropped.byKind,
    by_reason: dropped.byReason,
  })
}

export function statePayload(unit: Unit, identity: Identity): string {
  return JSON.stringify({ schema: 1, gateway_id: identity.gatewayId, ...unitJson(unit) })
}

interface AgentReading {
  readonly identity: Identity
  readonly version: string
  readonly bootId: string
  /** The id of the connection, which the Will and the birth message carry too. */
  readonly session: string
  readonly startedAtMs: number
  readonly units: number
  readonly bus: BusHealth
  readonly mqtt: MqttHealth
  readonly flash: StoreHealth
}

export function agentPayload(reading: AgentReading): string {
  const { identity, bus, mqtt, flash } = reading
  const body: Json = {
    schema: 1,
    gateway_id: identity.gatewayId,
    machine_id: identity.machineId,
    version: reading.version,
    boot_id: reading.bootId,
    stream: identity.stream,
    session: reading.session,
    started_at: rfc3339(reading.startedAtMs),
    units: reading.units,
    bus: { connected: bus.connected, problem: bus.problem },
    queue: {
      queued: mqtt.queued,
      acknowledged_seq: mqtt.acknowledged,
      events_published: mqtt.eventsPublished,
      reconnects: mqtt.reconnects,
      dropped: mqtt.dropped,
    },
    flash: {
      commits: flash.commits,
      bytes_written: flash.bytesWritten,
      errors: flash.errors,
      problem: flash.problem,
      last_commit: flash.lastCommitMs === null ? null : rfc3339(flash.lastCommitMs),
    },
  }
  return JSON.stringify(body)
}
