// What systemd is told, and when: in order, nothing twice, and nothing at all while nothing changes.
import { expect, test } from 'vitest'
import { createNotifier } from '../../src/service/notifier.ts'
import { settled, testClock } from '../store/clock.ts'

function rig() {
  const clock = testClock()
  const told: string[] = []
  const logged: string[] = []
  let line = 'watching 1 unit, 1 running'
  let fails = false
  let release: (() => void) | null = null
  let slow = false
  const it = createNotifier({
    sdNotify: async (assignments) => {
      if (fails) throw new Error('systemd-notify: not found')
      told.push(assignments.join(' '))
      if (slow)
        await new Promise<void>((resolve) => {
          release = resolve
        })
    },
    status: () => line,
    clock,
    log: (level, message) => void logged.push(`${level} ${message}`),
  })
  return {
    ...{ clock, told, logged, it },
    says: (text: string) => {
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

test('readiness comes with the status line', async () => {
  const { it, told } = rig()
  it.ready()
  await settled()
  expect(told).toEqual(['READY=1 STATUS=watching 1 unit, 1 running'])
})

test('nothing is told before it is ready', async () => {
  const { says, told, clock } = rig()
  says('watching 1 unit, 0 running')
  await clock.go(60_000)
  expect(told).toEqual([])
})

test('a status line is told when it is another, at most every 5 s', async () => {
  const { it, says, told, clock } = rig()
  it.ready()
  for (let i = 0; i < 100; i++) {
    says(`flapping ${i}`)
    await clock.go(100)
  }
  expect(told.slice(1)).toEqual(['STATUS=flapping 49', 'STATUS=flapping 99'])
  await clock.go(60_000)
  it.changed()
  await clock.go(60_000)
  expect(told).toHaveLength(3)
})

test('a status line that is the old one again by then is not told', async () => {
  const { it, says, told, clock } = rig()
  it.ready()
  says('another')
  says('watching 1 unit, 1 running')
  await clock.go(10_000)
  expect(told).toHaveLength(1)
})

test('a sign of life takes a new status line along', async () => {
  const { it, says, told, clock } = rig()
  it.ready()
  it.alive()
  says('another')
  it.alive()
  await clock.go(10_000)
  expect(told.slice(1)).toEqual(['WATCHDOG=1', 'WATCHDOG=1 STATUS=another'])
})

test('a reload is told by when it began and by its end', async () => {
  const { it, told } = rig()
  it.ready()
  it.reloading()
  it.ready()
  await settled()
  expect(told.slice(1)).toEqual(['RELOADING=1 MONOTONIC_USEC=10000000', 'READY=1'])
})

test('messages wait for one another, and the end does not wait behind what is old', async () => {
  const { it, told, hang, release } = rig()
  hang()
  it.ready()
  for (let i = 0; i < 20; i++) it.alive()
  it.stopping()
  it.alive()
  it.ready()
  await release()
  expect(told).toEqual(['READY=1 STATUS=watching 1 unit, 1 running', 'STOPPING=1'])
  await it.stop()
})

test('a systemd that cannot be told is a warning once, and hears the status line later', async () => {
  const { it, told, fail, logged } = rig()
  fail(true)
  it.ready()
  it.alive()
  await settled()
  fail(false)
  it.alive()
  await settled()
  expect(told).toEqual(['WATCHDOG=1 STATUS=watching 1 unit, 1 running'])
  expect(logged).toEqual(['warning sd_notify failed: systemd-notify: not found', 'info sd_notify works again'])
})
