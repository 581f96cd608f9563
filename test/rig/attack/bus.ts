// Sends unrequested messages to a client of a bus, from another process and, as root, from another user.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Systemd } from '../systemd.ts'

const ATTACKER = fileURLToPath(new URL('bus-process.ts', import.meta.url))
const UNPRIVILEGED_UID = 65534

/** Unicast signals, which any local user may send to any client of the system bus. */
export interface HostileMessages {
  readonly count: number
  readonly bodyBytes?: number
  readonly pathBytes?: number
  readonly member?: string
  readonly bigEndian?: boolean
}

/** The unique names of the bus' clients in the order in which they connected: systemd is the first one. */
export async function busClients(systemd: Systemd): Promise<string[]> {
  const { stdout } = await systemd.busctl('list', '--unique', '--no-legend')
  return stdout
    .split('\n')
    .flatMap((line) => /^:1\.\d+/.exec(line) ?? [])
    .slice(0, -1) // the last one is busctl itself
}

/** Resolves when the bus has passed on all messages to `destination`, a unique name. */
export function attackBus(address: string, destination: string, messages: readonly HostileMessages[]): Promise<void> {
  const ownUid = process.getuid?.() ?? 0
  const socketPath = address.replace(/^unix:path=/, '').replace(/,.*/, '')
  const args = [socketPath, String(ownUid === 0 ? UNPRIVILEGED_UID : ownUid), destination, JSON.stringify(messages)]
  const child = spawn(process.execPath, ['--import', 'tsx', ATTACKER, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.on('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`the hostile client ended with ${code ?? signal}`)),
    )
  })
}
