// A process that was stalled reads all units again; one whose timers are on time does not.
import { expect, test } from 'vitest'
import { withStallDetector } from '../../src/host/stall-detector.ts'
import type { Clock, UnitSource } from '../../src/ports.ts'

/** A clock whose timers the test calls, late by a given time. */
function byHand() {
  let monoMs = 1000
  let timer: { readonly dueMs: number; readonly call: () => void } | null = null
  const clock: Clock = {
    now: () => ({ monoMs, wallMs: 0 }),
    after(ms, call) {
      const mine = { dueMs: monoMs + ms, call }
      timer = mine
      return () => {
        if (timer === mine) timer = null
      }
    },
  }
  const fire = (lateMs: number) => {
    if (timer === null) throw new Error('nothing waits')
    monoMs = timer.dueMs + lateMs
    timer.call()
  }
  return { clock, fire, waits: () => timer !== null }
}

test('a timer that is far too late causes one read of all units', async () => {
  const { clock, fire, waits } = byHand()
  const logs: string[] = []
  let reads = 0
  const still = { start() {}, stop: async () => {}, reconcile: async () => ++reads > 0 } as unknown as UnitSource
  const source = withStallDetector(still, clock, (level, text) => logs.push(`${level} ${text}`))
  source.start(() => {})
  fire(1999)
  expect(reads).toBe(0)
  fire(30_000)
  expect(reads).toBe(1)
  fire(3)
  expect(reads).toBe(1)
  expect(logs).toEqual(['warning process was stalled for 30 s; re-reading all units'])
  await source.stop()
  expect(waits()).toBe(false)
})
