// What is sent to systemd, and when: in order, nothing twice, and nothing while nothing changes.
import { expect, test } from 'vitest'
import { createNotifier, type StatusPace } from '../../src/service/notifier.ts'
import { settled, testClock } from '../rig/clock.ts'

function rig(pace: StatusPace = { afterMs: 0, everyMs: 5_000 }) {
  const clock = testClock()
  const sent: string[] = []
  const logged: string[] = []
  let line = 'watching 1 unit, 1 running'
  let fails = false
  let release: (() => void) | null = null
  let slow = false
  const it = createNotifier({
    sdNotify: async (assignments) => {
      if (fails) throw new Error('systemd-notify: not found')
      sent.push(assignments.join(' '))
      if (slow)
        await new Promise<void>((resolve) => {
          release = resolve
        })
    },
    status: () => line,
    pace,
    clock,
    log: (level, message) => void logged.push(`${level} ${message}`),
  })
  return {
    ...{ clock, sent, logged, it },
    setStatus: (text: string) => {
      line = text
      it.changed()
    },
    fail: (now: boolean) => {
      fails = now
    },
    hang: () => {
      slow = true
    },
    release: async () => {
      slow = false
      release?.()
      await settled()
    },
  }
}

test('READY=1 is sent together with the status line', async () => {
  const { it, sent } = rig()
  it.ready()
  await settled()
  expect(sent).toEqual(['READY=1 STATUS=watching 1 unit, 1 running'])
})

test('nothing is sent before the service is ready', async () => {
  const { setStatus, sent, clock } = rig()
  setStatus('watching 1 unit, 0 running')
  await clock.go(60_000)
  expect(sent).toEqual([])
})

test('a status line is sent when it changes, at most every 5 s', async () => {
  const { it, setStatus, sent, clock } = rig()
  it.ready()
  for (let i = 0; i < 100; i++) {
    setStatus(`flapping ${i}`)
    await clock.go(100)
  }
  expect(sent.slice(1)).toEqual(['STATUS=flapping 49', 'STATUS=flapping 99'])
  await clock.go(60_000)
  it.changed()
  await clock.go(60_000)
  expect(sent).toHaveLength(3)
})

test('after a delay, a line that has changed back in the meantime is not sent, and a keep-alive carries one at once', async () => {
  const { it, setStatus, sent, clock } = rig({ afterMs: 5_000, everyMs: 30_000 })
  it.ready()
  await clock.go(60_000)
  for (let crash = 0; crash < 10; crash++) {
    setStatus('watching 1 unit, 0 running; 1 failed')
    await clock.go(4_000)
    setStatus('watching 1 unit, 1 running')
    await clock.go(16_000)
  }
  expect(sent).toHaveLength(1)
  setStatus('one')
  await clock.go(4_999)
  expect(sent).toHaveLength(1)
  await clock.go(1)
  setStatus('two')
  await clock.go(29_999)
  expect(sent.slice(1)).toEqual(['STATUS=one'])
  await clock.go(1)
  setStatus('three')
  it.alive()
  await clock.go(60_000)
  expect(sent.slice(2)).toEqual(['STATUS=two', 'WATCHDOG=1 STATUS=three'])
})

test('a status line that has changed back by then is not sent', async () => {
  const { it, setStatus, sent, clock } = rig()
  it.ready()
  setStatus('another')
  setStatus('watching 1 unit, 1 running')
  await clock.go(10_000)
  expect(sent).toHaveLength(1)
})

test('a keep-alive carries a new status line', async () => {
  const { it, setStatus, sent, clock } = rig()
  it.ready()
  it.alive()
  setStatus('another')
  it.alive()
  await clock.go(10_000)
  expect(sent.slice(1)).toEqual(['WATCHDOG=1', 'WATCHDOG=1 STATUS=another'])
})

test('a reload is announced with the time when it began, and its end is announced', async () => {
  const { it, sent } = rig()
  it.ready()
  it.reloading()
  it.ready()
  await settled()
  expect(sent.slice(1)).toEqual(['RELOADING=1 MONOTONIC_USEC=10000000', 'READY=1'])
})

test('messages are sent one at a time, and STOPPING=1 replaces queued ones', async () => {
  const { it, sent, hang, release } = rig()
  hang()
  it.ready()
  for (let i = 0; i < 20; i++) it.alive()
  it.stopping()
  it.alive()
  it.ready()
  await release()
  expect(sent).toEqual(['READY=1 STATUS=watching 1 unit, 1 running', 'STOPPING=1'])
  await it.stop()
})

test('a failure to send is logged once, and the status line is sent again afterwards', async () => {
  const { it, sent, fail, logged } = rig()
  fail(true)
  it.ready()
  it.alive()
  await settled()
  fail(false)
  it.alive()
  await settled()
  expect(sent).toEqual(['WATCHDOG=1 STATUS=watching 1 unit, 1 running'])
  expect(logged).toEqual(['warning sd_notify failed: systemd-notify: not found', 'info sd_notify works again'])
})
