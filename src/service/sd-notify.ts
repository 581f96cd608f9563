// The sd_notify protocol for Node: its messages, and how to send them (sd_notify(3), sd_watchdog_enabled(3)).
import { write } from 'node:fs'
import { promisify } from 'node:util'
import type { Env } from '../ports.ts'

/**
 * How to reach systemd. Node has no unix datagram sockets, so either systemd passes us a connected one
 * (`OpenFile=/run/systemd/notify:notify`, systemd 253), or we run systemd-notify (`NotifyAccess=all`).
 */
export type NotifyTransport = { readonly by: 'descriptor'; readonly fd: number } | { readonly by: 'program' }

/** The name of the descriptor, set with `OpenFile=`. */
const DESCRIPTOR_NAME = 'notify'
/** SD_LISTEN_FDS_START, sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3
/** In characters; `systemctl status` shows one line. */
const STATUS_AT_MOST = 200

/** Null without a notification socket. `@` begins an abstract socket, `vsock:` one on a VM's host (systemd 254). */
export function notifyTransport(env: Env, pid: number): NotifyTransport | null {
  if (!/^([/@]|vsock:)./.test(env['NOTIFY_SOCKET'] ?? '')) return null
  if (env['LISTEN_PID'] === String(pid)) {
    const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
    const index = names.indexOf(DESCRIPTOR_NAME)
    if (index >= 0 && index < Number(env['LISTEN_FDS'])) return { by: 'descriptor', fd: FIRST_DESCRIPTOR + index }
  }
  return { by: 'program' }
}

/** The watchdog timeout in ms; null if systemd does not expect `WATCHDOG=1` from this process. */
export function watchdogMs(env: Env, pid: number): number | null {
  const usec = env['WATCHDOG_USEC'] ?? ''
  const watchedPid = env['WATCHDOG_PID']
  if (!/^[1-9]\d{0,15}$/.test(usec) || (watchedPid !== undefined && watchedPid !== String(pid))) return null
  return Number(usec) / 1000
}

/** Single assignments; a message is a list of them. */
export const READY = 'READY=1'
export const STOPPING = 'STOPPING=1'
export const ALIVE = 'WATCHDOG=1'

/** Reloading has begun; `READY=1` ends it. `monoMs`: CLOCK_MONOTONIC, required by Type=notify-reload. */
export function reloadingAssignments(monoMs: number): readonly string[] {
  return ['RELOADING=1', `MONOTONIC_USEC=${Math.floor(monoMs * 1000)}`]
}

/** The status line that `systemctl status` shows. */
export function statusAssignment(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return `STATUS=${line.length > STATUS_AT_MOST ? `${line.slice(0, STATUS_AT_MOST - 1)}…` : line}`
}

/** The text of a datagram. */
export function datagram(assignments: readonly string[]): string {
  return assignments.map((assignment) => `${assignment}\n`).join('')
}

const writeTo = promisify(write)
const PROGRAM = 'systemd-notify'
const PROGRAM_AT_MOST_MS = 5000

/** Resolves when systemd has received the message; rejects with a message for the log. */
export type SdNotify = (assignments: readonly string[]) => Promise<void>

export function sdNotifyOver(transport: NotifyTransport): SdNotify {
  if (transport.by === 'program') return notifyByProgram
  return async (assignments) => {
    await writeTo(transport.fd, datagram(assignments))
  }
}

/** systemd-notify takes NOTIFY_SOCKET from our environment, and exits when systemd has read the message. */
async function notifyByProgram(assignments: readonly string[]): Promise<void> {
  const { spawn } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, assignments, { stdio: 'ignore', timeout: PROGRAM_AT_MOST_MS, killSignal: 'SIGKILL' })
    child.on('error', (error) => reject(new Error(`${PROGRAM}: ${error.message}`, { cause: error })))
    child.on('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(signal === null ? `${PROGRAM} exited with code ${code}` : `${PROGRAM} killed by ${signal}`))
    })
  })
}
