// When the agent may exit: at once, unless a shutdown is in progress that will stop a watched unit.
import { expect, test } from 'vitest'
import { waitForUnits } from '../../src/app/drain.ts'
import type { BusHealth } from '../../src/ports.ts'
import { stateOf, unit } from '../cli/samples.ts'
import { testClock } from '../rig/clock.ts'

const run = { id: 'a'.repeat(32), openedAtMonoMs: 0, openedAtMs: 0, job: 0, requested: false, badResult: null }
const UP = [unit('a.service', { run }), unit('b.service', { run }), unit('c.service')]

function rig(goingDown: ReadonlySet<string> | null) {
  const clock = testClock()
  const logged: string[] = []
  let state = stateOf(...UP)
  let connected = true
  let gone = false
  void waitForUnits({
    source: { unitsShuttingDown: async () => goingDown, health: () => ({ connected }) as BusHealth },
    state: () => state,
    clock,
    log: (level, message) => void logged.push(`${level} ${message}`),
  }).then(() => {
    gone = true
  })
  return {
    clock,
    logged,
    gone: () => gone,
    down: (...names: string[]) => {
      state = stateOf(...state.units.map((u) => (names.includes(u.name) ? { ...u, run: null } : u)))
    },
    busLost: () => {
      connected = false
    },
  }
}

test('without a shutdown it exits at once', async () => {
  const { clock, gone, logged } = rig(null)
  await clock.go(0)
  expect(gone()).toBe(true)
  expect(logged).toEqual([])
})

test('a shutdown that stops no running unit does not delay the exit', async () => {
  const { clock, gone, logged } = rig(new Set(['c.service']))
  await clock.go(0)
  expect(gone()).toBe(true)
  expect(logged).toEqual([])
})

test('it waits until the last unit that the shutdown stops has stopped', async () => {
  const { clock, gone, down, logged } = rig(new Set(['a.service', 'b.service', 'c.service']))
  await clock.go(2000)
  down('a.service')
  await clock.go(2000)
  expect(gone()).toBe(false)
  down('b.service')
  await clock.go(50)
  expect(gone()).toBe(true)
  expect(logged).toEqual(['info system is shutting down: waiting for 2 watched units to stop'])
})

test('units that the shutdown does not stop are not waited for', async () => {
  const { clock, gone, down } = rig(new Set(['a.service']))
  await clock.go(500)
  down('a.service')
  await clock.go(50)
  expect(gone()).toBe(true)
})

test('after 10 s it exits and names the units whose end it did not see', async () => {
  const { clock, gone, down, logged } = rig(new Set(['a.service', 'b.service']))
  down('a.service')
  await clock.go(9900)
  expect(gone()).toBe(false)
  await clock.go(200)
  expect(gone()).toBe(true)
  expect(logged.at(-1)).toBe('warning did not see these units stop in time; their runs are counted as lost: b.service')
})

test('without a bus connection it does not wait', async () => {
  const { clock, gone, busLost } = rig(new Set(['a.service']))
  await clock.go(100)
  busLost()
  await clock.go(50)
  expect(gone()).toBe(true)
})
