// The agent as a service: what it sends to systemd while the bus responds, while it does not, and without systemd.
import { expect, test } from 'vitest'
import type { BusHealth } from '../../src/ports.ts'
import { createService } from '../../src/service/service.ts'
import { statusLine } from '../../src/service/status-line.ts'
import { gatewayState, RUN, snapshot, stateOf, unit } from '../cli/samples.ts'
import { testClock } from '../rig/clock.ts'

const WATCHED = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '42' }

function rig(env: Readonly<Record<string, string>> = WATCHED) {
  const clock = testClock()
  const sent: string[] = []
  const logged: string[] = []
  let problem: string | null = null
  let line = 'fine'
  let repliedAt: number | null = clock.now().monoMs
  const health = (): BusHealth => ({
    ...{ connected: problem === null, lostAtMonoMs: null, problem },
    ...{ signals: 0, reconnects: 0, malformed: 0, callSeconds: {}, callsFailed: {}, unwatchable: [] },
  })
  const it = createService({
    ...{ env, pid: 42, clock, status: () => line },
    bus: { health, lastReplyAtMonoMs: () => repliedAt },
    log: (level, message) => void logged.push(`${level} ${message}`),
    sdNotify: async (assignments) => void sent.push(assignments.join(' ')),
  })
  return {
    ...{ it, clock, sent, logged },
    bus: (now: string | null) => {
      problem = now
    },
    setLine: (now: string) => {
      line = now
      it.accept({ before: gatewayState(), after: { ...gatewayState() }, events: [], at: clock.now() })
    },
    replied: () => {
      repliedAt = clock.now().monoMs
    },
  }
}

/** Like the replies to the keep-alive calls of the bus connection, every 20 s. */
async function busAnswersFor(r: ReturnType<typeof rig>, seconds: number) {
  for (let s = 0; s < seconds; s += 20) {
    r.replied()
    await r.clock.go(20_000)
  }
}

test('while the bus responds, two keep-alives are sent per watchdog timeout', async () => {
  const r = rig()
  r.it.ready()
  await busAnswersFor(r, 120)
  expect(r.sent).toEqual(['READY=1 STATUS=fine', ...Array(5).fill('WATCHDOG=1')])
  expect(r.logged).toEqual([])
})

test('keep-alives are withheld while the bus is down, and sent at once when it is back', async () => {
  const r = rig()
  r.it.ready()
  r.bus('no such socket')
  await r.clock.go(50_000)
  expect(r.sent).toEqual(['READY=1 STATUS=fine', 'WATCHDOG=1'])
  expect(r.logged).toEqual([
    'warning watchdog: keep-alive withheld (bus: no such socket); systemd will restart the agent if this lasts',
  ])
  r.bus(null)
  r.replied()
  await r.clock.go(1000)
  expect(r.sent).toHaveLength(3)
})

test('while the bus is connected but does not respond, keep-alives are withheld', async () => {
  const r = rig()
  r.it.ready()
  await r.clock.go(300_000)
  expect(r.sent).toEqual(['READY=1 STATUS=fine', 'WATCHDOG=1', 'WATCHDOG=1'])
  expect(r.logged).toHaveLength(1)
})

test('after STOPPING=1 nothing more is sent', async () => {
  const r = rig()
  r.it.ready()
  r.it.stopping()
  await busAnswersFor(r, 120)
  r.it.ready()
  await r.it.stop()
  expect(r.sent.at(-1)).toBe('STOPPING=1')
  expect(r.clock.pending()).toBe(0)
})

test('without a watchdog nothing is sent while nothing changes', async () => {
  const r = rig({ NOTIFY_SOCKET: '@/notify' })
  r.it.ready()
  await busAnswersFor(r, 600)
  expect(r.sent).toEqual(['READY=1 STATUS=fine'])
  expect(r.clock.pending()).toBe(0)
})

test('a status line that changes is sent at once over a descriptor, and after a delay if each message needs a process', async () => {
  const descriptor = { LISTEN_PID: '42', LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' }
  const sentAfter = async (env: Readonly<Record<string, string>>, ms: number) => {
    const r = rig({ NOTIFY_SOCKET: '@/notify', ...env })
    r.it.ready()
    await r.clock.go(60_000)
    r.setLine('1 failed')
    await r.clock.go(ms)
    r.setLine('fine')
    await r.clock.go(60_000)
    return r.sent.length - 1
  }
  expect(await sentAfter(descriptor, 100)).toBe(2)
  expect(await sentAfter({}, 100)).toBe(0)
  expect(await sentAfter({}, 6_000)).toBe(2)
})

test('without a notification socket nothing is sent', async () => {
  const r = rig({ WATCHDOG_USEC: '60000000' })
  r.it.ready()
  r.it.reloading()
  r.it.stopping()
  await r.it.stop()
  expect(r.sent).toEqual([])
  expect(r.clock.pending()).toBe(0)
})

test('the status line counts running, failed, unloaded and unknown units, and shows one problem', () => {
  expect(statusLine(gatewayState(), [])).toBe('watching 12 units, 0 running; 1 failed; 1 not loaded')
  const failed = unit('a.service', { snapshot: snapshot('failed', 'failed') })
  expect(statusLine(stateOf(unit('b.service', { run: RUN })), [])).toBe('watching 1 unit, 1 running')
  expect(statusLine(stateOf(failed, unit('b.service', { run: RUN })), ['bus: no such socket', 'more'])).toBe(
    'watching 2 units, 1 running; 1 failed; bus: no such socket',
  )
  const outOfContact = stateOf({ ...failed, outOfContact: true }, unit('b.service', { run: RUN, outOfContact: true }))
  expect(statusLine(outOfContact, ['bus: no such socket'])).toBe(
    'watching 2 units, 0 running; 2 unknown; bus: no such socket',
  )
})
