// Identity of the gateway: boot id, derived machine id and gateway id.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** gatewatch's fixed application id: the machine id itself must not be published (machine-id(5)). */
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

/** The derived machine id; null if the machine has none yet (machine-id(5): empty or `uninitialized`). */
export function readMachineId(path = '/etc/machine-id'): string | null {
  const raw = readLine(path)
  return raw !== null && /^[0-9a-f]{32}$/.test(raw) ? derivedMachineId(raw) : null
}

/** The kernel's id of this boot, 32 hex digits without dashes; `unknown` if /proc cannot be read. */
export function readBootId(path = '/proc/sys/kernel/random/boot_id'): string {
  return readLine(path)?.replaceAll('-', '') ?? 'unknown'
}

/**
 * The gateway id: the configured one, else the one stored at the first start, else derived from the machine id. For an
 * agent that watches a user's systemd (`--user`), the derived id ends in `-<uid>`.
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
