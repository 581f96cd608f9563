// The limits on reading the details of units: what reaches systemd of what clients request, and what they get.
import { expect, it } from 'vitest'
import { ControlError } from '../../../src/core/command.ts'
import type { ListedUnit, UnitStatus } from '../../../src/core/unit-status.ts'
import type { UnitControl } from '../../../src/ports.ts'
import { createUnitDetails } from '../../../src/systemd/operate/unit-details.ts'
import { testClock } from '../../rig/clock.ts'

const statusOf = (unit: string) => ({ unit }) as UnitStatus

/** A back end whose replies the test sends. */
function reading() {
  const clock = testClock()
  const read: string[] = []
  const replies = new Map<string, (status: UnitStatus) => void>()
  const opened: string[] = []
  const status = (unit: string) => {
    read.push(unit)
    return new Promise<UnitStatus>((resolve, reject) => {
      if (unit === 'refused') reject(new ControlError('unreachable', 'cannot reach systemd'))
      replies.set(unit, resolve)
    })
  }
  const listings: ((units: ListedUnit[]) => void)[] = []
  const list = () => new Promise<ListedUnit[]>((resolve) => void listings.push(resolve))
  const control = { status, list, close: () => opened.push('closed') } as unknown as UnitControl
  const open = async () => {
    opened.push('opened')
    return control
  }
  const details = createUnitDetails(open, clock)
  const settle = () => clock.go(0)
  return {
    clock,
    read,
    opened,
    details,
    listings,
    settle,
    async reply(unit: string) {
      replies.get(unit)?.(statusOf(unit))
      await settle()
    },
  }
}

it('opens the back end for the first read, and closes it', async () => {
  const { details, opened, reply, settle } = reading()
  details.close()
  expect(opened).toEqual([])
  const [a, b] = [details.read('a'), details.read('b')]
  await settle()
  await reply('a')
  await reply('b')
  expect([await a, await b, opened]).toEqual([statusOf('a'), statusOf('b'), ['opened']])
  details.close()
  await settle()
  expect(opened).toEqual(['opened', 'closed'])
})

it('reads a unit once for all that request it at the same time, and again for those that come later', async () => {
  const { details, read, reply, settle } = reading()
  const same = [details.read('a'), details.read('a'), details.read('a')]
  await settle()
  expect(read).toEqual(['a'])
  await reply('a')
  expect(await Promise.all(same)).toEqual([statusOf('a'), statusOf('a'), statusOf('a')])
  const later = details.read('a')
  await settle()
  await reply('a')
  expect([await later, read]).toEqual([statusOf('a'), ['a', 'a']])
})

it('does not wait for systemd longer than 2 s, and does not query it again while its reply is missing', async () => {
  const { clock, details, read, reply, settle } = reading()
  const first = details.read('a')
  await clock.go(1_999)
  const second = details.read('a')
  await clock.go(1)
  expect([await first, await second, await details.read('a')]).toEqual([null, null, null])
  expect(read).toEqual(['a'])
  await reply('a')
  const third = details.read('a')
  await settle()
  await reply('a')
  expect([await third, read]).toEqual([statusOf('a'), ['a', 'a']])
})

it('reads 8 units at once: more are too many, or, once systemd does not respond, without a result', async () => {
  const { clock, details, read, reply, settle } = reading()
  const units = Array.from({ length: 8 }, (_, i) => `unit-${i}`)
  const reads = units.map((unit) => details.read(unit))
  await settle()
  expect(await details.read('ninth')).toBe('busy')
  await clock.go(2_000)
  expect(await Promise.all(reads)).toEqual(units.map(() => null))
  expect(await details.read('ninth')).toBeNull()
  expect(read).toEqual(units)
  await reply('unit-0')
  const ninth = details.read('ninth')
  await settle()
  await reply('ninth')
  expect(await ninth).toEqual(statusOf('ninth'))
})

it('starts at most 50 reads in a row and then 5 per second, however fast systemd replies', async () => {
  const { clock, details, read, reply, settle } = reading()
  const attempt = async () => {
    const result = details.read('a')
    await settle()
    await reply('a')
    return (await result) === 'busy' ? 'busy' : 'read'
  }
  for (let i = 0; i < 50; i += 1) expect(await attempt()).toBe('read')
  expect(await attempt()).toBe('busy')
  await clock.go(1_000)
  const outcomes: string[] = []
  for (let i = 0; i < 7; i += 1) outcomes.push(await attempt())
  expect([outcomes.filter((outcome) => outcome === 'read').length, read.length]).toEqual([5, 55])
})

it('has no result if systemd cannot be reached, and tries again for the next request', async () => {
  const { details, read } = reading()
  expect([await details.read('refused'), await details.read('refused'), read.length]).toEqual([null, null, 2])
})

it('lists all units once for all that request it at the same time, within the same limit of reads and of time', async () => {
  const { clock, details, listings, settle } = reading()
  const same = [details.list(), details.list()]
  await settle()
  expect(listings).toHaveLength(1)
  listings[0]?.([])
  expect(await Promise.all(same)).toEqual([[], []])
  const late = details.list()
  await clock.go(2_000)
  expect([await late, listings.length]).toEqual([null, 2])
  const results: unknown[] = []
  for (let i = 0; i < 100; i++) {
    const listed = details.list()
    await settle()
    listings.at(-1)?.([])
    results.push(await listed)
  }
  expect(results).toContain('busy')
})
