// The system clock: conversion of monotonic to wall time, and timers, which do not overtake data that has arrived.
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createWallTime, systemClock } from '../../src/host/clock.ts'
import { until } from '../rig/until.ts'

test('a due timer is not called before a message that has already arrived', async () => {
  const order: string[] = []
  let near: Socket | undefined
  const server = createServer((socket) => {
    near = socket.on('data', () => order.push('message'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const far = connect(address.port, '127.0.0.1')
  await until(() => near !== undefined, { what: 'the connection' })
  systemClock.after(1, () => order.push('timer'))
  far.write('x')
  for (const from = performance.now(); performance.now() - from < 30; ); // busy: both are due afterwards
  await until(() => order.length === 2, { what: 'both' })
  expect(order).toEqual(['message', 'timer'])
  for (const socket of [far, near]) socket?.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('a cancelled timer is not called', async () => {
  const called: number[] = []
  systemClock.after(1, () => called.push(1))()
  await new Promise<void>((resolve) => void systemClock.after(20, resolve))
  expect(called).toEqual([])
})

/** The clocks of a system, set by the test; all start at zero. */
function clocks() {
  const read = { mono: 0, wall: 0, boot: 0 as number | null }
  const time = createWallTime({ monoMs: () => read.mono, wallMs: () => read.wall, sinceBootMs: () => read.boot })
  const pass = (ms: number) => {
    read.mono += ms
    read.wall += ms
    if (read.boot !== null) read.boot += ms
  }
  const suspend = (ms: number) => {
    read.wall += ms
    if (read.boot !== null) read.boot += ms
  }
  return { read, time, pass, suspend }
}

test('a monotonic time is converted by the wall clock as it is set now', () => {
  const { read, time, pass } = clocks()
  pass(10_000)
  expect(time.wallMsOf(4_000)).toBe(4_000)
  read.wall += 1_795_000_000_000
  expect(time.wallMsOf(4_000)).toBe(1_795_000_004_000)
  pass(5_000)
  expect(time.now()).toEqual({ monoMs: 15_000, wallMs: 1_795_000_015_000 })
  read.wall -= 3_600_000
  expect(time.wallMsOf(4_000)).toBe(1_795_000_004_000 - 3_600_000)
})

test('the inaccuracy of reading two clocks changes no time; only a step does', () => {
  const { read, time, pass } = clocks()
  pass(10_000)
  expect(time.wallMsOf(4_000)).toBe(4_000)
  for (const jitter of [3, -7, 480]) {
    read.wall = read.mono + jitter
    expect(time.wallMsOf(4_000)).toBe(4_000)
  }
})

test('an interruption between the readings of the clocks is not a step', () => {
  let [reads, mono] = [0, 10_000]
  const wallMs = () => {
    if (++reads === 4) mono += 2_000 // as if the process did not run for 2 s
    return mono
  }
  const time = createWallTime({ monoMs: () => mono, wallMs, sinceBootMs: () => mono })
  for (let i = 0; i < 8; i++) expect(time.wallMsOf(4_000)).toBe(4_000)
})

test('a suspend is not a step of the wall clock: CLOCK_MONOTONIC stood still, and earlier times stay right', () => {
  const { read, time, pass, suspend } = clocks()
  pass(10_000)
  expect(time.wallMsOf(9_000)).toBe(9_000)
  suspend(7_200_000)
  pass(1_000)
  expect(time.wallMsOf(9_000)).toBe(9_000)
  expect(time.wallMsOf(0)).toBe(0)
  pass(1_000)
  expect(time.wallMsOf(read.mono)).toBe(read.wall)
  suspend(3_600_000)
  expect(time.wallMsOf(9_000)).toBe(9_000)
  read.wall += 1_795_000_000_000
  expect(time.wallMsOf(9_000)).toBe(1_795_000_009_000)
})

test('what was suspended before the first reading does not move the beginning of the boot', () => {
  const { time, pass, suspend } = clocks()
  suspend(7_200_000)
  pass(10_000)
  expect(time.wallMsOf(0)).toBe(0)
  expect(time.wallMsOf(10_000)).toBe(7_210_000)
})

test('a step while /proc/uptime cannot be read does not count an earlier suspend twice', () => {
  const { read, time, pass, suspend } = clocks()
  time.now()
  pass(10_000)
  suspend(3_600_000)
  expect(time.wallMsOf(0)).toBe(0)
  const { boot } = read
  read.boot = null
  read.wall += 60_000
  expect(time.wallMsOf(0)).toBe(60_000)
  read.boot = boot
  read.wall += 60_000
  expect(time.wallMsOf(0)).toBe(120_000)
})

test('without a usable /proc/uptime, as in a container that began later, only both clocks count', () => {
  for (const boot of [null, 3_000]) {
    const { read, time, pass } = clocks()
    pass(10_000)
    read.boot = boot
    expect(time.wallMsOf(4_000)).toBe(4_000)
    read.wall += 1_795_000_000_000
    expect(time.wallMsOf(4_000)).toBe(1_795_000_004_000)
  }
})

test('the system clock converts its own monotonic time to now, and the boot to when it was', () => {
  const { monoMs, wallMs } = systemClock.now()
  expect(Math.abs(systemClock.wallMsOf(monoMs) - wallMs)).toBeLessThan(500)
  const booted = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]) * 1000
  expect(Math.abs(systemClock.wallMsOf(0) - booted)).toBeLessThan(2_000)
})
