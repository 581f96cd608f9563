// Pushes selected series over Prometheus remote write 1.0 at a fixed interval, through links that come and go.
import { messageOf } from '../core/error-text.ts'
import { settledWithin } from '../core/limits/settled-within.ts'
import { createBacklog } from './backlog.ts'
import { createBatchQueue } from './batch-queue.ts'
import type { RemoteWrite, RemoteWriteOptions } from './options.ts'
import { createReport } from './report.ts'
import { createSender } from './sender.ts'
import { createSeriesTable, type PushedSeries, type Reading } from './series.ts'

export { createPost } from './post.ts'

/** How long a clean stop may wait for the receiver. */
const STOP_WITHIN_MS = 2_000

/** What Prometheus adds to each scrape: here the agent itself states that it runs. */
const UP: Reading = { labels: new Map([['__name__', 'up']]), value: 1 }

export function createRemoteWrite(options: RemoteWriteOptions): RemoteWrite {
  const { config, gatewayId, read, clock, log, random } = options
  const backlog = createBacklog()
  const table = createSeriesTable()
  const report = createReport(() => shownUrl(config().url), clock, log)
  const queue = createBatchQueue(backlog, () => config().backlog * 1000, report, clock)
  const sender = createSender({ ...options, queue, report })
  const intervalMs = () => config().interval * 1000
  let up: PushedSeries | null = null
  let isReading = false
  let stopped = false
  let dueMonoMs = 0
  let cancelTimer = () => {}

  const take = async () => {
    isReading = true
    try {
      const { series, atMonoMs } = await read(config().match)
      report.unreadable(null)
      if (stopped) return
      const { labels } = config()
      const external = { job: 'gatewatch', instance: gatewayId, gateway: gatewayId, ...labels }
      const values = table.valuesOf([UP, ...series], external)
      up = values.keys().next().value ?? null
      backlog.add(atMonoMs, values)
      sender.pushed()
    } catch (error) {
      report.unreadable(messageOf(error))
    } finally {
      isReading = false
    }
  }

  const schedule = (firstMs: number) => {
    dueMonoMs = clock.now().monoMs + firstMs
    const tick = () => {
      // A push that is due while the process was stopped, or while the last one is still being read, is left out.
      if (!isReading) void take()
      const { monoMs } = clock.now()
      dueMonoMs += intervalMs() * Math.max(1, Math.ceil((monoMs - dueMonoMs) / intervalMs()))
      cancelTimer = clock.after(dueMonoMs - monoMs, tick)
    }
    cancelTimer = clock.after(firstMs, tick)
  }
  // At any time in the interval, so that a fleet that was switched on at once does not push at once.
  schedule(random() * intervalMs())
  let scheduledFor = config().interval

  return {
    health: () => ({ ...report.health(), pending: backlog.samples() }),
    reconfigured() {
      sender.retryNow()
      if (config().interval === scheduledFor) return
      scheduledFor = config().interval
      cancelTimer()
      schedule(random() * intervalMs())
    },
    async stop() {
      stopped = true
      cancelTimer()
      if (up !== null) backlog.addEnd(clock.now().monoMs, [up])
      await settledWithin(STOP_WITHIN_MS, sender.finish(), clock.after)
      sender.abort()
    },
  }
}

/** The URL for messages: its parameters can contain a key. */
function shownUrl(url: string | null): string {
  return url === null ? '' : url.replace(/[?#].*$/s, '')
}
