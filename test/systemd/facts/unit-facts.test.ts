// Facts about units that explain a crash later: bounded status texts, and MemoryPeak where systemd has it.
import { expect, test } from 'vitest'
import { createUnitFacts } from '../../../src/systemd/facts/unit-facts.ts'
import { unitPath } from '../../../src/systemd/unit-path.ts'
import { fakeBus } from '../fake-bus.ts'

const PATH = unitPath('a.service')

function noted({ hasMemoryPeak = false, statusText = '' } = {}) {
  const facts = createUnitFacts()
  const read = { memoryMax: 100, hasMemoryPeak, files: ['/a'], statusText }
  facts.note('a.service', { id: 'a.service', controlGroup: '', slice: 'system.slice', facts: read })
  return facts
}

test('the status text is the last one that was signalled, cut to 256 characters, and none after an empty one', () => {
  const facts = noted({ statusText: 'starting' })
  expect(facts.of('a.service')).toEqual({ memoryMax: 100, files: ['/a'], statusText: 'starting' })
  facts.noteStatus(PATH, '😀'.repeat(1000))
  expect(facts.of('a.service')?.statusText).toBe('😀'.repeat(256))
  facts.noteStatus(PATH, '')
  expect(facts.of('a.service')?.statusText).toBeNull()
})

test('status texts of more than 1,024 units are not kept', () => {
  const facts = noted({ statusText: 'first' })
  for (let i = 0; i < 1024; i++) facts.noteStatus(unitPath(`b${i}.service`), 'text')
  expect(facts.of('a.service')?.statusText).toBeNull()
})

test('nothing is known of a unit that was not read, or is no longer watched', () => {
  const facts = noted()
  expect(facts.of('b.service')).toBeNull()
  facts.keep(() => false)
  expect(facts.of('a.service')).toBeNull()
})

test('MemoryPeak is read only where the last reply had it (systemd 255)', async () => {
  const { bus, waiting, reply, fail } = fakeBus()
  expect(await noted().memoryPeak('a.service', bus)).toBeNull()
  expect(waiting()).toEqual([])
  const facts = noted({ hasMemoryPeak: true })
  const peaks = [
    facts.memoryPeak('a.service', bus),
    facts.memoryPeak('a.service', bus),
    facts.memoryPeak('a.service', bus),
  ]
  expect(waiting()).toEqual(Array(3).fill('Get a_2eservice'))
  reply(4096)
  reply(2n ** 64n - 1n)
  fail('org.freedesktop.DBus.Error.UnknownObject')
  expect(await Promise.all(peaks)).toEqual([4096, null, null])
  expect(await facts.memoryPeak('a.service', null)).toBeNull()
})
