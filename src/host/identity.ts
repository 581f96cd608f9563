// Identity of the gateway: boot id, derived machine id and gateway id.
import { readFileSync } from 'node:fs'
import { hmac } from '@noble/hashes/hmac.js' // node:crypto would cost memory and start-up time
import { sha256 } from '@noble/hashes/sha2.js'
import { messageOf } from '../core/error-text.ts'
import { otherMachine } from '../core/recount.ts'
import type { State } from '../core/state.ts'

const MACHINE_ID = '/etc/machine-id'
/** gatewatch's fixed application id: the machine id itself must not be published (machine-id(5)). */
const APPLICATION_ID = Buffer.from('4c1f6f0a2e9b4d7c8f3f0d1b6a52e7c9', 'hex')

/**
 * As sd_id128_get_machine_app_specific(3): HMAC-SHA256 of the application id, keyed by the machine id, cut to
 * 128 bits and marked as a version 4 UUID. `machineId`: 32 hex digits; returns as many.
 */
export function derivedMachineId(machineId: string): string {
  const id = Buffer.from(hmac(sha256, Buffer.from(machineId, 'hex'), APPLICATION_ID).subarray(0, 16))
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x40, 6)
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8)
  return id.toString('hex')
}

/** The machine as /etc/machine-id identifies it. */
export interface Machine {
  /** The derived id; null if there is none, or only one that systemd generated for this boot. */
  readonly id: string | null
  /** The id will be the same after a reboot. Unknown, and so false, on an overlay that may be in RAM. */
  readonly persistent: boolean
  /** Why the machine has no id, one sentence; null if it has one. */
  readonly problem: string | null
}

/**
 * `volatileAt`: what a power loss does to a file, completing the sentence "it ...", and whether that is certain; null if
 * the file survives. systemd mounts a tmpfs over /etc/machine-id where it cannot write there (machine-id(5)).
 */
export function readMachine(
  volatileAt: (path: string) => { readonly what: string; readonly certain: boolean } | null,
  path = MACHINE_ID,
): Machine {
  const none = (problem: string): Machine => ({ id: null, persistent: false, problem })
  let raw: string
  try {
    raw = readFileSync(path, 'utf8').trim()
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return none(`${MACHINE_ID} ${absent ? 'does not exist' : `cannot be read (${messageOf(error)})`}`)
  }
  if (raw === '' || raw === 'uninitialized') return none(`${MACHINE_ID} is ${raw || 'empty'}`)
  if (!/^[0-9a-f]{32}$/.test(raw)) return none(`${MACHINE_ID} does not contain a machine id`)
  const volatile = volatileAt(path)
  if (volatile?.certain) return none(`${MACHINE_ID} is only valid for this boot, because it ${volatile.what}`)
  return { id: derivedMachineId(raw), persistent: volatile === null, problem: null }
}

/** The ids of this gateway, as a start of the agent determines them. */
export interface GatewayIdentity {
  readonly gatewayId: string
  /** To be kept in the state; null if the id in the state remains. */
  readonly machineId: string | null
  /** For display. */
  readonly shownMachineId: string
  /** Why the machine cannot be distinguished from another one, one sentence; null if it can. */
  readonly problem: string | null
}

type StoredIdentity = Pick<State, 'gatewayId' | 'machineId' | 'stream'>

/**
 * The gateway id is the configured one, else the stored one, else derived: from the machine id, or without one from the
 * stream, which no other state file has. If the state came from another machine, a derived one is derived again. For an
 * agent that watches a user's systemd (`--user`), the derived id ends in `-<uid>`.
 */
export function gatewayIdentity(
  configured: string | null,
  stored: StoredIdentity,
  machine: Machine,
  uid: number | null,
): GatewayIdentity {
  const suffix = uid === null ? '' : `-${uid}`
  const machineId = machine.persistent ? machine.id : null
  const wasDerived = [stored.machineId, stored.stream].some((id) => stored.gatewayId === `${id}${suffix}`)
  const discarded = stored.gatewayId === null || isUnknown(stored.gatewayId)
  const derivesAgain = discarded || (wasDerived && otherMachine(stored, machineId) !== null)
  const derived = `${machine.id ?? stored.stream}${suffix}`
  return {
    gatewayId: configured ?? (derivesAgain || stored.gatewayId === null ? derived : stored.gatewayId),
    machineId,
    shownMachineId: machineId ?? stored.machineId ?? machine.id ?? 'unknown',
    problem: problemOf(stored, machine),
  }
}

function problemOf(stored: StoredIdentity, { id, persistent, problem }: Machine): string | null {
  if (problem !== null) return problem
  if (persistent || stored.machineId === null || stored.machineId === id) return null
  return `${MACHINE_ID} has changed, but is on an overlay that may be in RAM: it may be valid for this boot only`
}

/** Versions up to 0.1.0 stored this where they found no machine id. */
function isUnknown(gatewayId: string): boolean {
  return /^unknown(-\d+)?$/.test(gatewayId)
}

/** The kernel's id of this boot, 32 hex digits without dashes; `unknown` if /proc cannot be read. */
export function readBootId(path = '/proc/sys/kernel/random/boot_id'): string {
  try {
    return readFileSync(path, 'utf8').trim().replaceAll('-', '')
  } catch {
    return 'unknown'
  }
}
