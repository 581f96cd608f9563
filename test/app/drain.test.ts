// When the agent may exit: at once, unless a shutdown is in progress that will stop a watched unit.
import { expect, test } from 'vitest'
import { waitForUnits } from '../../src/app/drain.ts'
import type { BusHealth } from '../../src/ports.ts'
import { RUN, snapshot, stateOf, unit } from '../cli/samples.ts'
import { testClock } from '../rig/clock.ts'

const UP = [unit('a.service', { run: RUN }), unit('b.service', { run: RUN }), unit('c.service')]

/** `goingDown`: the reply of systemd; `silent` until `reply` is called. */
function rig(goingDown: ReadonlySet<string> | null | 'silent') {
  const clock = testClock()
  const logged: string[] = []
  let state = stateOf(...UP)
  let connected = true
  let gone = false
  let reply = (_units: ReadonlySet<string> | null) => {}
  const replied = new Promise<ReadonlySet<string> | null>((resolve) => {
    reply = resolve
  })
  if (goingDown !== 'silent') reply(goingDown)
  void waitForUnits({
    source: { unitsShuttingDown: () => replied, health: () => ({ connected }) as BusHealth },
    state: () => state,
    clock,
    log: (level, message) => void logged.push(`${level} ${message}`),
  }).then(() => {
    gone = true
  })
  return {
    clock,
    logged,
    reply,
    gone: () => gone,
    deactivating: (...names: string[]) => {
      const stopping = { snapshot: snapshot('deactivating', 'stop-sigterm') }
      state = stateOf(...state.units.map((u) => (names.includes(u.name) ? { ...u, ...stopping } : u)))
    },
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

test('10 s after the reply it exits and names the units whose end it did not see', async () => {
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

test('a systemd that was silent for 8 s is waited for, and then the units that it stops', async () => {
  const { clock, gone, down, reply, logged } = rig('silent')
  await clock.go(8000)
  expect(gone()).toBe(false)
  reply(new Set(['a.service', 'b.service']))
  await clock.go(5000)
  expect(gone()).toBe(false)
  down('a.service', 'b.service')
  await clock.go(50)
  expect(gone()).toBe(true)
  expect(logged).toEqual(['info system is shutting down: waiting for 2 watched units to stop'])
})

const SILENCE = 'systemd has not replied for 10 s, so it is not known whether the system is shutting down'

test('without a reply within 10 s, and with no unit deactivating, it exits and reports it', async () => {
  const { clock, gone, logged } = rig('silent')
  await clock.go(9900)
  expect(gone()).toBe(false)
  await clock.go(100)
  expect(gone()).toBe(true)
  expect(logged).toEqual([`warning ${SILENCE}; not waiting longer, because no watched unit is deactivating`])
})

test('without a reply it waits until no watched unit is deactivating any more', async () => {
  const { clock, gone, down, deactivating, logged } = rig('silent')
  deactivating('a.service')
  await clock.go(14_000)
  expect(gone()).toBe(false)
  down('a.service')
  await clock.go(50)
  expect(gone()).toBe(true)
  expect(logged).toEqual([`warning ${SILENCE}; waiting for 1 watched unit to stop`])
})

test('a reply after more than 10 s shows which units to wait for', async () => {
  const { clock, gone, down, deactivating, reply } = rig('silent')
  deactivating('a.service')
  await clock.go(12_000)
  reply(new Set(['a.service', 'b.service']))
  down('a.service')
  await clock.go(5000)
  expect(gone()).toBe(false)
  down('b.service')
  await clock.go(50)
  expect(gone()).toBe(true)
})

test('it exits 25 s after the signal at the latest, which leaves time to write the state', async () => {
  const silent = rig('silent')
  silent.deactivating('a.service')
  await silent.clock.go(24_900)
  expect(silent.gone()).toBe(false)
  await silent.clock.go(150)
  expect(silent.gone()).toBe(true)
  expect(silent.logged.at(-1)).toMatch(/^warning did not see these units stop in time; .*: a\.service$/)

  const late = rig('silent')
  late.deactivating('a.service')
  await late.clock.go(20_000)
  late.reply(new Set(['a.service', 'b.service']))
  await late.clock.go(4900)
  expect(late.gone()).toBe(false)
  await late.clock.go(150)
  expect(late.gone()).toBe(true)
})
