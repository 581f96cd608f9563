// What a service says to the systemd that started it, and how it can be said from Node (sd_notify(3), sd_watchdog_enabled(3)). Pure.

import { write } from 'node:fs'
import { promisify } from 'node:util'
import type { Env } from '../ports.ts'

/**
 * How systemd can be told. Node opens no unix datagram sockets, so either systemd hands us a connected one
 * (`OpenFile=/run/systemd/notify:notify`, systemd 253), or systemd-notify speaks for us (`NotifyAccess=all`).
 */
type NotifyTransport = { readonly by: 'descriptor'; readonly fd: number } | { readonly by: 'program' }

/** The name that `OpenFile=` gives the descriptor. */
const DESCRIPTOR_NAME = 'notify'
/** SD_LISTEN_FDS_START, sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3
/** `systemctl status` shows one line. */
const STATUS_AT_MOST = 200

/** Null where nobody listens. `@` begins an abstract socket; `vsock:` is a host's (systemd 254). */
export function notifyTransport(env: Env, pid: number): NotifyTransport | null {
  if (!/^([/@]|vsock:)./.test(env['NOTIFY_SOCKET'] ?? '')) return null
  if (env['LISTEN_PID'] === String(pid)) {
    const names = (env['LISTEN_FDNAMES'] ?? '').split(':')
    const index = names.indexOf(DESCRIPTOR_NAME)
    if (index >= 0 && index < Number(env['LISTEN_FDS'])) return { by: 'descriptor', fd: FIRST_DESCRIPTOR + index }
  }
  return { by: 'program' }
}

/** How long systemd waits for `WATCHDOG=1`, in ms; null where it does not wait for this process. */
export function watchdogMs(env: Env, pid: number): number | null {
  const usec = env['WATCHDOG_USEC'] ?? ''
  const watchedPid = env['WATCHDOG_PID']
  if (!/^[1-9]\d{0,15}$/.test(usec) || (watchedPid !== undefined && watchedPid !== String(pid))) return null
  return Number(usec) / 1000
}

/** One assignment each; several make a message. */
export const READY = 'READY=1'
export const STOPPING = 'STOPPING=1'
export const ALIVE = 'WATCHDOG=1'

/** Reloading began now; `READY=1` ends it. `monoMs` is CLOCK_MONOTONIC, which Type=notify-reload asks for. */
export function reloadingAssignments(monoMs: number): readonly string[] {
  return ['RELOADING=1', `MONOTONIC_USEC=${Math.floor(monoMs * 1000)}`]
}

/** A line for people, as `systemctl status` shows it. */
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

/** Resolves when systemd has the message; rejects in words. */
export type SdNotify = (assignments: readonly string[]) => Promise<void>

export function sdNotifyOver(transport: NotifyTransport): SdNotify {
  if (transport.by === 'program') return notifyByProgram
  return async (assignments) => {
    await writeTo(transport.fd, datagram(assignments))
  }
}

/** It finds NOTIFY_SOCKET in our environment, and waits until systemd has read the message. Loads what it needs only here. */
async function notifyByProgram(assignments: readonly string[]): Promise<void> {
  const { spawn } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, assignments, { stdio: 'ignore', timeout: PROGRAM_AT_MOST_MS, killSignal: 'SIGKILL' })
    child.on('error', (error) => reject(new Error(`${PROGRAM}: ${error.message}`, { cause: error })))
    child.on('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${PROGRAM} ended with ${signal ?? code}`))
    })
  })
}
