// When the agent may go: at once, unless a shutdown is under way whose end of a unit is still to be seen.
import { expect, test } from 'vitest'
import { unitsDown } from '../../src/app/drain.ts'
import type { BusHealth } from '../../src/ports.ts'
import { stateOf, unit } from '../cli/samples.ts'
import { testClock } from '../store/clock.ts'

const run = { id: 'a'.repeat(32), openedAtMonoMs: 0, openedAtMs: 0, job: 0 }
const UP = [unit('a.service', { run }), unit('b.service', { run }), unit('c.service')]

function rig(goingDown: ReadonlySet<string> | null) {
  const clock = testClock()
  const logged: string[] = []
  let state = stateOf(...UP)
  let connected = true
  let gone = false
  void unitsDown({
    source: { unitsShuttingDown: async () => goingDown, health: () => ({ connected }) as BusHealth },
    state: () => state,
    clock,
    log: (level, message) => void logged.push(`${level} ${message}`),
  }).then(() => {
    gone = true
  })
  return {
    ...{ clock, logged },
    gone: () => gone,
    down: (...names: string[]) => {
      state = stateOf(...state.units.map((u) => (names.includes(u.name) ? { ...u, run: null } : u)))
    },
    busLost: () => {
      connected = false
    },
  }
}

test('without a shutdown it goes at once', async () => {
  const { clock, gone, logged } = rig(null)
  await clock.go(0)
  expect(gone()).toBe(true)
  expect(logged).toEqual([])
})

test('a shutdown that ends nothing that runs holds nobody', async () => {
  const { clock, gone, logged } = rig(new Set(['c.service']))
  await clock.go(0)
  expect(gone()).toBe(true)
  expect(logged).toEqual([])
})

test('it stays until the last unit that the shutdown ends is down', async () => {
  const { clock, gone, down, logged } = rig(new Set(['a.service', 'b.service', 'c.service']))
  await clock.go(2000)
  down('a.service')
  await clock.go(2000)
  expect(gone()).toBe(false)
  down('b.service')
  await clock.go(50)
  expect(gone()).toBe(true)
  expect(logged).toEqual(['info the system shuts down: staying until 2 units are down'])
})

test('what the shutdown leaves alone is not waited for', async () => {
  const { clock, gone, down } = rig(new Set(['a.service']))
  await clock.go(500)
  down('a.service')
  await clock.go(50)
  expect(gone()).toBe(true)
})

test('after 10 s it goes, and says whose end nobody will have seen', async () => {
  const { clock, gone, down, logged } = rig(new Set(['a.service', 'b.service']))
  down('a.service')
  await clock.go(9900)
  expect(gone()).toBe(false)
  await clock.go(200)
  expect(gone()).toBe(true)
  expect(logged.at(-1)).toBe('warning not seen to end, and so lost: b.service')
})

test('without a bus there is nothing more to see', async () => {
  const { clock, gone, busLost } = rig(new Set(['a.service']))
  await clock.go(100)
  busLost()
  await clock.go(50)
  expect(gone()).toBe(true)
})
