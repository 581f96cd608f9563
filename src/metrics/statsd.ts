// Pushes the metrics to a StatsD server over UDP at a fixed interval.
import { createSocket } from 'node:dgram'
import { promises as dns } from 'node:dns'
import type { Clock, EventSink, Log } from '../ports.ts'
import { datagrams } from './statsd-lines.ts'

interface StatsdOptions {
  /** The `HOST:PORT` currently configured; null if there is none. */
  readonly address: () => string | null
  readonly lines: () => Promise<readonly string[]>
  readonly everyMs: () => number
  readonly clock: Clock
  readonly log: Log
}

/** If a push is still running when the next one is due, that one is skipped: the one after has newer values. */
export function createStatsdPush({ address, lines, everyMs, clock, log }: StatsdOptions): EventSink {
  let problem: string | null = null
  let pushing: Promise<void> = Promise.resolve()
  let busy = false
  let stopped = false
  let undo = () => {}

  const report = (now: string | null, to: string) => {
    if (now !== null && problem === null) log('warning', `statsd: cannot send metrics to ${to} (${now})`)
    else if (now === null && problem !== null) log('info', `statsd: sending metrics to ${to} works again`)
    problem = now
  }

  const push = async (to: string) => {
    busy = true
    try {
      await sendTo(to, datagrams(await lines()))
      report(null, to)
    } catch (error) {
      report((error as NodeJS.ErrnoException).code ?? String(error), to)
    } finally {
      busy = false
    }
  }

  const later = () => {
    undo = clock.after(everyMs(), () => {
      const to = address()
      if (to !== null && !busy) pushing = push(to)
      if (!stopped) later()
    })
  }
  later()
  return {
    accept() {},
    async stop() {
      stopped = true
      undo()
      await pushing
    },
  }
}

async function sendTo(to: string, packets: readonly string[]): Promise<void> {
  const colon = to.lastIndexOf(':')
  const { address, family } = await dns.lookup(to.slice(0, colon).replace(/^\[(.*)\]$/, '$1'))
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  socket.on('error', () => {}) // send() reports it too
  try {
    for (const packet of packets) {
      await new Promise<void>((resolve, reject) => {
        socket.send(packet, Number(to.slice(colon + 1)), address, (error) => (error ? reject(error) : resolve()))
      })
    }
  } finally {
    socket.close()
  }
}
