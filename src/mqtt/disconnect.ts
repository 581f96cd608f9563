// A clean end: what waits goes out if the link is quick, then `offline`, then a DISCONNECT; within 2 s in any case.
import type { Clock } from '../ports.ts'
import type { Connection } from './connection/connection.ts'
import type { Publisher } from './publisher.ts'
import type { SendOrder } from './send-order.ts'

const DRAIN_AT_MOST_MS = 1000
const DRAIN_LOOK_EVERY_MS = 10
const OFFLINE_AT_MOST_MS = 500
const END_AT_MOST_MS = 300

/** Where the broker does not acknowledge `offline`, the connection is cut, so that it tells the Will. */
export async function goodbye(
  connection: Connection,
  publisher: Publisher,
  mail: SendOrder,
  session: string,
  clock: Clock,
): Promise<void> {
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve))
  const stopDrainingAt = clock.now().monoMs + DRAIN_AT_MOST_MS
  publisher.pump()
  while (!publisher.idle() && clock.now().monoMs < stopDrainingAt) await wait(DRAIN_LOOK_EVERY_MS)

  const offline = new Promise<boolean>((resolve) => {
    mail.publishNext(mail.availability('offline', session), () => resolve(true))
    publisher.pump()
  })
  const told = await Promise.race([offline, wait(OFFLINE_AT_MOST_MS)])
  if (told === true) await Promise.race([connection.end(), wait(END_AT_MOST_MS)])
  connection.destroy()
}
