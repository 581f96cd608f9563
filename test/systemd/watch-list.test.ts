import { expect, it } from 'vitest'
import { unitPath } from '../../src/systemd/unit-path.ts'
import { configuredUnits, createWatchList, patternMatcher } from '../../src/systemd/watch-list.ts'

function make(configured: string[], known: string[] = [], maxUnits = 100) {
  const full: string[] = []
  return { list: createWatchList(configuredUnits(configured), known, maxUnits, (name) => full.push(name)), full }
}

it('a path has the label of its unit, and that of an alias once it is resolved', () => {
  const { list } = make(['alias', 'real'])
  expect(list.at(unitPath('real.service'))).toEqual(['real.service'])
  list.resolved('alias.service', 'real.service')
  expect(list.at(unitPath('real.service'))).toEqual(['real.service', 'alias.service'])
})

it('an alias that changes to another unit is removed from the first', () => {
  const { list } = make(['alias'])
  list.resolved('alias.service', 'one.service')
  list.resolved('alias.service', 'two.service')
  expect(list.at(unitPath('one.service'))).toEqual([])
  expect(list.at(unitPath('two.service'))).toEqual(['alias.service'])
})

it('units found through a pattern can be removed; named ones stay', () => {
  const { list } = make(['named', 'sink@*'], ['sink@old.service', 'other@x.service'])
  expect(list.all()).toEqual(['named.service', 'sink@old.service'])
  expect(list.add('sink@new.service')).toBe(true)
  expect(list.add('sink@new.service')).toBe(false)
  list.remove('sink@new.service')
  list.remove('named.service')
  expect(list.all()).toEqual(['named.service', 'sink@old.service'])
  expect(list.at(unitPath('sink@new.service'))).toEqual([])
})

it('the list is limited, and the limit is reported once until there is room again', () => {
  const { list, full } = make(['a', '*@*'], ['x@1.service', 'x@2.service'], 2)
  expect(list.all()).toEqual(['a.service', 'x@1.service'])
  expect(list.add('x@3.service')).toBe(false)
  expect(full).toEqual(['x@2.service'])
  list.remove('x@1.service')
  expect(list.add('x@3.service')).toBe(true)
  expect(list.add('x@4.service')).toBe(false)
  expect(full).toEqual(['x@2.service', 'x@4.service'])
})

it('units that do not fit are a problem until systemd has listed all units again without them', () => {
  const { list } = make(['a', '*@*'], [], 2)
  const problem = (names: string) => [`${names}: not watched: the limit of 2 units is reached (max_units)`]
  const full = 'the limit of 2 units is reached (max_units); no other unit can be watched'
  expect(list.problems()).toEqual([])
  list.add('x@1.service')
  expect(list.problems()).toEqual([full])
  for (const n of [2, 3, 2]) list.add(`x@${n}.service`)
  expect(list.problems()).toEqual(problem('x@2.service, x@3.service'))
  for (const n of [4, 5, 6]) list.add(`x@${n}.service`)
  expect(list.problems()).toEqual(problem('x@2.service, x@3.service, x@4.service and others'))
  list.listed()
  expect(list.problems()).toEqual([full])
  list.add('x@2.service')
  list.remove('x@1.service')
  list.add('x@2.service')
  expect(list.problems()).toEqual([full])
  list.remove('x@2.service')
  expect(list.problems()).toEqual([])
})

it('an entry that is not valid and a name that does not fit are problems until the configuration changes', () => {
  const { list } = make(['c d', 'a', 'b'], [], 1)
  list.listed()
  expect(list.problems()).toEqual([
    'c d: not watched: not a valid unit name or pattern',
    'b.service: not watched: the limit of 1 unit is reached (max_units)',
  ])
  list.configure(configuredUnits([]))
  expect(list.problems()).toEqual([])
})

it('separates names from patterns, each once, and returns invalid entries', () => {
  expect(
    configuredUnits(['b', 'a.service', 'b.service', 'sink@', 'sink@*.service', 'x?', '[z-a]', 'c d', 'tick.timer']),
  ).toEqual({
    names: ['b.service', 'a.service', 'tick.timer'],
    patterns: ['sink@*.service', 'x?.service'],
    invalid: ['[z-a]', 'c d'],
  })
})

it('matches as systemd does', () => {
  const matches = patternMatcher(['sink@*.service', 'wirepas-?ink.service', 'tty[!0-3].device', 'edger.*'])
  const names = ['sink@a.service', 'sink@.service', 'sink.service', 'wirepas-sink.service', 'wirepas-ssink.service']
  expect(names.filter(matches)).toEqual(['sink@a.service', 'wirepas-sink.service'])
  expect(['tty1.device', 'tty4.device', 'edger.a.service', 'edger.a.timer', 'edgerX.service'].filter(matches)).toEqual([
    'tty4.device',
    'edger.a.service',
    'edger.a.timer',
  ])
})
