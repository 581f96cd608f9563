// Takes a message to systemd: a plain write where it handed us a socket, else the program systemd-notify.
import { write } from 'node:fs'
import { promisify } from 'node:util'
import { datagram, type Way } from '../service/sd-notify.ts'

const writeTo = promisify(write)
const PROGRAM = 'systemd-notify'
const PROGRAM_AT_MOST_MS = 5000

/** Resolves when systemd has the message; rejects in words. */
export type Teller = (assignments: readonly string[]) => Promise<void>

export function tellerBy(way: Way): Teller {
  if (way.by === 'program') return byProgram
  return async (assignments) => {
    await writeTo(way.fd, datagram(assignments))
  }
}

/** It finds NOTIFY_SOCKET in our environment, and waits until systemd has read the message. Loads what it needs only here. */
async function byProgram(assignments: readonly string[]): Promise<void> {
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
