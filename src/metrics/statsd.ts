// Pushes the numbers of a scrape to StatsD by UDP, every so often: whatever comes of it, nobody waits for it.
import { createSocket } from 'node:dgram'
import { promises as dns } from 'node:dns'
import type { Clock, EventSink, Log } from '../ports.ts'
import { datagrams } from './statsd-lines.ts'

interface StatsdOptions {
  /** `HOST:PORT` as the configuration has it now, null for none. */
  readonly address: () => string | null
  readonly lines: () => Promise<readonly string[]>
  readonly everyMs: () => number
  readonly clock: Clock
  readonly log: Log
}

/** At most one push is under way; while it is, the next is left out, as the one after tells the same numbers newer. */
export function createStatsdPush({ address, lines, everyMs, clock, log }: StatsdOptions): EventSink {
  let problem: string | null = null
  let pushing: Promise<void> = Promise.resolve()
  let busy = false
  let stopped = false
  let undo = () => {}

  const report = (now: string | null, to: string) => {
    if (now !== null && problem === null) log('warning', `statsd: ${to} does not get the numbers (${now})`)
    else if (now === null && problem !== null) log('info', `statsd: ${to} gets the numbers again`)
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
  socket.on('error', () => {}) // told by send as well
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
