// Who this gateway is: the boot, the derived machine id, and its name in the fleet.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** gatewatch's fixed application id, by which no one can compute the machine id back (machine-id(5)). */
const APPLICATION_ID = Buffer.from('4c1f6f0a2e9b4d7c8f3f0d1b6a52e7c9', 'hex')

/**
 * As sd_id128_get_machine_app_specific(3): HMAC-SHA256 of the application id, keyed by the machine id, cut to
 * 128 bits and marked as a version 4 UUID. `machineId`: 32 hex digits; returns as many.
 */
export function derivedMachineId(machineId: string): string {
  const id = createHmac('sha256', Buffer.from(machineId, 'hex')).update(APPLICATION_ID).digest().subarray(0, 16)
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x40, 6)
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8)
  return id.toString('hex')
}

/** The machine's derived id, or null where it has none yet (machine-id(5): empty or `uninitialized`). */
export function readMachineId(path = '/etc/machine-id'): string | null {
  const raw = readLine(path)
  return raw !== null && /^[0-9a-f]{32}$/.test(raw) ? derivedMachineId(raw) : null
}

/** The kernel's id of this boot, 32 hex digits without dashes; `unknown` where /proc does not tell. */
export function readBootId(path = '/proc/sys/kernel/random/boot_id'): string {
  return readLine(path)?.replaceAll('-', '') ?? 'unknown'
}

/**
 * The name in the fleet: configured, else the one kept from the first start, else derived from the machine.
 * `uid` ends the derived name of an agent that watches a user's own systemd.
 */
export function gatewayId(
  configured: string | null,
  stored: string | null,
  machineId: string | null,
  uid: number | null,
): string {
  if (configured !== null) return configured
  if (stored !== null) return stored
  return `${machineId ?? 'unknown'}${uid === null ? '' : `-${uid}`}`
}

function readLine(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}
