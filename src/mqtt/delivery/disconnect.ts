// Graceful disconnect: drain the queue (1 s), publish `offline`, DISCONNECT; at most 2 s in total.
import type { Clock } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import type { Publisher } from './publisher.ts'

const DRAIN_AT_MOST_MS = 1000
const DRAIN_LOOK_EVERY_MS = 10
const OFFLINE_AT_MOST_MS = 500
const END_AT_MOST_MS = 300

/**
 * `publishOffline` calls back when the broker has `offline`. If it does not acknowledge in time, the connection is
 * cut, so that the broker publishes the Will instead.
 */
export async function disconnect(
  connection: Connection,
  publisher: Publisher,
  publishOffline: (done: () => void) => void,
  clock: Clock,
): Promise<void> {
  const wait = (ms: number) => waitFor(ms, clock)
  await drain(publisher, clock)
  const offline = new Promise<boolean>((resolve) => {
    publishOffline(() => resolve(true))
    publisher.pump()
  })
  const acknowledged = await Promise.race([offline, wait(OFFLINE_AT_MOST_MS)])
  if (acknowledged === true) await Promise.race([connection.end(), wait(END_AT_MOST_MS)])
  connection.destroy()
}

/** Publishes the queued messages; resolves when the broker has acknowledged all of them, after 1 s at most. */
export async function drain(publisher: Publisher, clock: Clock): Promise<void> {
  const stopAtMs = clock.now().monoMs + DRAIN_AT_MOST_MS
  publisher.pump()
  while (!publisher.idle() && clock.now().monoMs < stopAtMs) await waitFor(DRAIN_LOOK_EVERY_MS, clock)
}

function waitFor(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve))
}
