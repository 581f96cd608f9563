// Waiting on a condition: it returns the value, and a failure says what was missing.
import { expect, it } from 'vitest'
import { until } from './until.ts'

it('resolves with the first good value', async () => {
  const answers = [undefined, '', 'here']
  expect(await until(() => answers.shift(), { what: 'an answer', everyMs: 1 })).toBe('here')
})

it('takes what is good from the caller', async () => {
  let state = 'inactive'
  setTimeout(() => {
    state = 'active'
  }, 20)
  await until(() => state, { what: 'the unit to be active', is: (seen) => seen === 'active' })
})

it('names what it waited for and what it saw last', async () => {
  const waiting = until(() => ({ state: 'failed' }), { what: 'x.service to run', is: () => false, timeoutMs: 20 })
  await expect(waiting).rejects.toThrow("waited 20 ms for x.service to run; last seen: { state: 'failed' }")
})

it('counts an error as not yet, and tells the last one', async () => {
  let reads = 0
  const shy = () => {
    reads += 1
    if (reads < 3) throw new Error('nobody home')
    return 'here'
  }
  expect(await until(shy, { what: 'an answer', everyMs: 1 })).toBe('here')
  const never = () => Promise.reject(new Error('nobody home'))
  await expect(until(never, { what: 'an answer', timeoutMs: 20 })).rejects.toThrow('last seen: an error: nobody home')
})
