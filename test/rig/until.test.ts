// `until`: resolves with the value, and its error explains what was missing.
import { expect, it } from 'vitest'
import { until } from './until.ts'

it('resolves with the first value that meets the condition', async () => {
  const values = [undefined, '', 'here']
  expect(await until(() => values.shift(), { what: 'a value', everyMs: 1 })).toBe('here')
})

it('uses the condition of the caller', async () => {
  let state = 'inactive'
  setTimeout(() => {
    state = 'active'
  }, 20)
  await until(() => state, { what: 'the unit to be active', is: (seen) => seen === 'active' })
})

it('names the condition and the last value on timeout', async () => {
  const waiting = until(() => ({ state: 'failed' }), { what: 'x.service to run', is: () => false, timeoutMs: 20 })
  await expect(waiting).rejects.toThrow("waited 20 ms for x.service to run; last value: { state: 'failed' }")
})

it('retries after an error, and reports the last one', async () => {
  let reads = 0
  const failsTwice = () => {
    reads += 1
    if (reads < 3) throw new Error('not ready')
    return 'here'
  }
  expect(await until(failsTwice, { what: 'a value', everyMs: 1 })).toBe('here')
  const never = () => Promise.reject(new Error('not ready'))
  await expect(until(never, { what: 'a value', timeoutMs: 20 })).rejects.toThrow('last value: an error: not ready')
})
