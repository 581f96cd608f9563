// What ended a unit, from signals as systemd 252 sends them.
import { describe, expect, it } from 'vitest'
import { createEndCauses, type EndCauses } from '../../../src/core/explain/because.ts'
import { type Relation, relationsOf } from '../../../src/core/explain/relations.ts'

type Properties = Partial<Record<Relation | 'ConflictedBy' | 'After', readonly string[]>>
/** One line of a trace: `a.service active 12` (a signal with job 12), `+ 12 a.service` (JobNew), `- 12 a.service` (JobRemoved). */
type Trace = readonly string[]

const relations = (properties: Properties) => relationsOf((name) => properties[name as keyof Properties] ?? [])

const RELATIONS: Readonly<Record<string, Properties>> = {
  'broker.service': { Conflicts: ['shutdown.target'] },
  'bound.service': { BindsTo: ['broker.service'], Conflicts: ['shutdown.target'] },
  'chained.service': { BindsTo: ['bound.service'] },
  'needs.service': { Requires: ['broker.service', 'sysinit.target', 'system.slice'], Conflicts: ['shutdown.target'] },
  'part.service': { PartOf: ['broker.service', 'group.target'] },
  'propagated.service': { StopPropagatedFrom: ['broker.service'], PartOf: ['broker.service'] },
  'rival.service': { ConflictedBy: ['needs.service', 'intruder.service'] },
  'on-device.service': { BindsTo: ['dev-modem.device'] },
}
const WATCHED = Object.keys(RELATIONS)

/** Every unit runs, and has been read. */
function running(): EndCauses {
  const causes = createEndCauses()
  for (const unit of WATCHED) {
    causes.setRelations(unit, relations(RELATIONS[unit] ?? {}))
    causes.changed(unit, 0, 'active', 0, 0)
  }
  return causes
}

/** Applies the trace at `ms`; with a number in the trace, the lines after it are at that time. */
function apply(causes: EndCauses, ...trace: readonly (string | number)[]): void {
  let ms = 10_000
  for (const line of trace) {
    if (typeof line === 'number') {
      ms = line
      continue
    }
    const [first = '', second = '', third = ''] = line.split(' ')
    if (first === '+') causes.jobNew(third, Number(second), ms)
    else if (first === '-') causes.jobRemoved(third, Number(second), ms)
    else causes.changed(first, ms, second, Number(third), ms)
  }
}

function causeOf(causes: EndCauses, unit: string, job: number): string | null {
  const end = causes.end(unit, job)
  const because = end === null ? null : causes.of(end)
  return because && `${because.unit} ${because.relation}`
}

/** What ended each unit under its job, after this trace. */
function causesIn(
  trace: Trace,
  ...ends: readonly (readonly [unit: string, job: number])[]
): readonly (string | null)[] {
  const causes = running()
  apply(causes, ...trace)
  return ends.map(([unit, job]) => causeOf(causes, unit, job))
}

describe('a unit that ends by itself', () => {
  const CRASH: Trace = [
    'chained.service active 103',
    'bound.service active 102',
    'propagated.service active 101',
    'broker.service failed 0',
    '+ 103 chained.service',
    '+ 102 bound.service',
    '+ 101 propagated.service',
    'propagated.service deactivating 101',
    'chained.service deactivating 103',
    'chained.service inactive 103',
    'bound.service deactivating 102',
  ]

  it('ends those that are bound to it, and they end those that are bound to them', () => {
    const ends = causesIn(CRASH, ['bound.service', 102], ['chained.service', 103], ['propagated.service', 101])
    expect(ends).toEqual(['broker.service BindsTo', 'bound.service BindsTo', 'broker.service StopPropagatedFrom'])
  })

  it('does not end what only requires it', () => {
    const stopped = ['needs.service active 7', 'broker.service failed 0', '+ 7 needs.service']
    expect(causesIn([...stopped, 'needs.service deactivating 7'], ['needs.service', 7])).toEqual([null])
  })

  it('is not the cause of a stop that was requested just before', () => {
    const stop = [
      'bound.service active 7',
      '+ 7 bound.service',
      'broker.service failed 0',
      'bound.service deactivating 7',
    ]
    expect(causesIn(stop, ['bound.service', 7])).toEqual([null])
  })

  it('is not the cause of a stop that came later, as when the dependency was added in between', () => {
    const causes = running()
    apply(causes, 'broker.service failed 0', 20_000, 'bound.service active 7', '+ 7 bound.service')
    expect(causeOf(causes, 'bound.service', 7)).toBe(null)
  })

  it('is not the cause if its state was only reset', () => {
    const causes = running()
    apply(
      causes,
      1,
      'broker.service failed 0',
      10_000,
      'bound.service active 7',
      'broker.service inactive 0',
      '+ 7 bound.service',
    )
    expect(causeOf(causes, 'bound.service', 7)).toBe(null)
  })
})

describe('a unit that a user stops', () => {
  const STOP: Trace = [
    'broker.service active 252',
    '+ 252 broker.service',
    'needs.service active 259',
    'bound.service active 256',
    'part.service active 253',
    'chained.service active 257',
    '+ 259 needs.service',
    '+ 256 bound.service',
    '+ 253 part.service',
    '+ 257 chained.service',
    'chained.service deactivating 257',
    'needs.service deactivating 259',
    'part.service deactivating 253',
  ]
  const ENDS = [
    ['needs.service', 259],
    ['bound.service', 256],
    ['part.service', 253],
    ['chained.service', 257],
    ['broker.service', 252],
  ] as const

  it('ends those that depend on it', () => {
    expect(causesIn(STOP, ...ENDS)).toEqual([
      'broker.service Requires',
      'broker.service BindsTo',
      'broker.service PartOf',
      'bound.service BindsTo',
      null,
    ])
  })

  it('ends them also when it is restarted, where the numbers of jobs have no order except for the first one', () => {
    const restart = [
      'broker.service active 96',
      '+ 96 broker.service',
      'bound.service active 108',
      'chained.service active 107',
      '+ 108 bound.service',
      '+ 107 chained.service',
      'chained.service deactivating 107',
    ]
    expect(causesIn(restart, ['bound.service', 108], ['chained.service', 107])).toEqual([
      'broker.service BindsTo',
      'bound.service BindsTo',
    ])
  })

  it('has no cause in the units that depend on it', () => {
    const causes = running()
    causes.setRelations('broker.service', relations({ PartOf: ['part.service'] }))
    apply(causes, ...STOP)
    expect(causeOf(causes, 'broker.service', 252)).toBe(null)
    expect(causeOf(causes, 'part.service', 253)).toBe('broker.service PartOf')
  })

  it('is not the cause of a stop in another transaction: neither of an earlier one, nor after its own stop began', () => {
    const earlier = ['bound.service active 7', '+ 7 bound.service', 'broker.service active 8', '+ 8 broker.service']
    expect(causesIn(earlier, ['bound.service', 7])).toEqual([null])
    const ignored = ['broker.service active 100', '+ 100 broker.service', 'broker.service deactivating 100']
    expect(causesIn([...ignored, 'needs.service active 101', '+ 101 needs.service'], ['needs.service', 101])).toEqual([
      null,
    ])
    const first = ['chained.service active 7', '+ 7 chained.service', 'broker.service active 8', '+ 8 broker.service']
    const second = ['bound.service active 9', '+ 9 bound.service']
    const both = causesIn([...first, ...second], ['bound.service', 9], ['chained.service', 7])
    expect(both).toEqual(['broker.service BindsTo', null])
    const unrelated = ['part.service active 7', '+ 7 part.service', 'needs.service active 8', '+ 8 needs.service']
    expect(causesIn(unrelated, ['needs.service', 8])).toEqual([null])
  })

  it('is not the cause if all units are stopped, as by systemctl isolate: no job is announced first', () => {
    const isolate = [
      'broker.service active 712',
      'bound.service active 713',
      'chained.service active 714',
      '+ 712 broker.service',
      '+ 713 bound.service',
      '+ 714 chained.service',
    ]
    expect(causesIn(isolate, ['bound.service', 713], ['chained.service', 714])).toEqual([null, null])
  })

  it('is not the cause if all units are stopped, among them some that stop each other', () => {
    const causes = running()
    causes.setRelations('broker.service', relations({ PartOf: ['part.service'] }))
    apply(causes, 'broker.service active 7', 'part.service active 8', '+ 7 broker.service', '+ 8 part.service')
    expect([causeOf(causes, 'broker.service', 7), causeOf(causes, 'part.service', 8)]).toEqual([null, null])
  })

  it('is not the cause if it is only reloaded', () => {
    const causes = running()
    apply(causes, 'broker.service active 7', '+ 7 broker.service', 'part.service active 8', '+ 8 part.service')
    causes.jobType('broker.service', 7, 'reload')
    expect(causeOf(causes, 'part.service', 8)).toBe(null)
  })

  it('does not explain the end of the next run, even under the same job', () => {
    const causes = running()
    apply(causes, ...STOP, 'part.service inactive 253')
    expect(causeOf(causes, 'part.service', 253)).toBe('broker.service PartOf')
    apply(causes, 'part.service activating 253', 'part.service failed 253')
    expect(causeOf(causes, 'part.service', 253)).toBe(null)
  })
})

it('the start of a group does not end a unit that fails while it starts', () => {
  const causes = createEndCauses()
  causes.setRelations('part.service', relations({ PartOf: ['group.target'] }))
  apply(
    causes,
    '+ 5 group.target',
    '+ 6 part.service',
    'part.service inactive 6',
    'part.service activating 6',
    'part.service failed 6',
  )
  expect(causes.end('part.service', 6)).toBe(null)
  const group = createEndCauses()
  apply(group, 'needs.service activating 7', 'needs.service failed 7')
  expect(group.end('needs.service', 7)).toBe(null)
})

it('a unit that ended and was started again did not end what is stopped next', () => {
  const causes = running()
  apply(causes, 'broker.service failed 0', 10_100, 'broker.service failed 14', '+ 14 broker.service')
  apply(causes, 10_110, 'broker.service active 14', '- 14 broker.service', 'broker.service active 0')
  apply(causes, 10_150, 'bound.service active 16', '+ 16 bound.service', 'bound.service inactive 16')
  expect(causeOf(causes, 'bound.service', 16)).toBe(null)
})

it('a mount that vanished and was mounted again did not end what is stopped next', () => {
  const causes = createEndCauses()
  causes.setRelations('on-mount.service', relations({ BindsTo: ['run-gone.mount'] }))
  causes.wasRead('run-gone.mount', { activeState: 'inactive', leftActiveMs: 9900, enteredActiveMs: 9000 })
  const stopped = ['on-mount.service active 7', '+ 7 on-mount.service', 'on-mount.service inactive 7']
  apply(causes, '+ 5 run-gone.mount', '- 5 run-gone.mount', 'on-mount.service active 0', 10_100, ...stopped)
  expect(causeOf(causes, 'on-mount.service', 7)).toBe(null)
})

it('a mount that was started again just before a user stops the unit did not stop it', () => {
  const causes = createEndCauses()
  causes.setRelations('on-mount.service', relations({ BindsTo: ['run-gone.mount'] }))
  apply(causes, '+ 5 run-gone.mount', '+ 6 on-mount.service', 'on-mount.service active 0', 10_100)
  apply(causes, 'on-mount.service active 7', '+ 7 on-mount.service', 'on-mount.service inactive 7')
  causes.wasRead('run-gone.mount', { activeState: 'active', leftActiveMs: 9900, enteredActiveMs: 10_010 })
  expect(causeOf(causes, 'on-mount.service', 7)).toBe(null)
})

it('a unit that is unloaded can still be the cause, until a hundred others were unloaded after it', () => {
  const causes = running()
  const STOPPED = ['broker.service active 12', '+ 12 broker.service', 'part.service active 13', '+ 13 part.service']
  apply(causes, ...STOPPED, 'part.service deactivating 13', 'part.service inactive 13')
  expect(causeOf(causes, 'part.service', 13)).toBe('broker.service PartOf')
  const unload = (count: number) => {
    for (let i = 0; i < count; i++) {
      apply(causes, `sink@${i}.service inactive 0`)
      causes.unloaded(`sink@${i}.service`)
    }
  }
  causes.unloaded('broker.service')
  unload(99)
  expect(causeOf(causes, 'part.service', 13)).toBe('broker.service PartOf')
  causes.unloaded('part.service')
  unload(101)
  expect(causes.end('part.service', 13)).toBe(null)
})

it('the automatic restart of a unit restarts those that require it', () => {
  const causes = running()
  apply(causes, 9000, 'broker.service failed 0', 'broker.service activating 0', 10_000)
  apply(causes, 'needs.service active 55', 'broker.service activating 46', '+ 55 needs.service', '+ 46 broker.service')
  apply(causes, 'needs.service deactivating 55', 'needs.service inactive 55')
  const end = causes.end('needs.service', 55)
  if (end === null) throw new Error('no end')
  expect([causes.of(end), causes.questions(end)]).toEqual([null, [{ unit: 'broker.service', job: 46 }]])
  apply(causes, 'broker.service inactive 46', 'broker.service activating 46')
  expect(causes.of(end)).toEqual({ unit: 'broker.service', relation: 'Requires' })
})

describe('the start of a unit', () => {
  const START: Trace = [
    '+ 525 needs.service',
    'rival.service active 533',
    '+ 533 rival.service',
    'rival.service deactivating 533',
  ]

  it('ends those with which it conflicts', () => {
    const starts = ['needs.service inactive 0', ...START, 'needs.service inactive 525']
    expect(causesIn(starts, ['rival.service', 533])).toEqual(['needs.service Conflicts'])
  })

  it('just after its stop did not cause it', () => {
    const stop = ['rival.service active 7', '+ 7 rival.service', 'needs.service inactive 0', '+ 8 needs.service']
    expect(causesIn([...stop, 'needs.service inactive 8'], ['rival.service', 7])).toEqual([null])
  })

  it('of the shutdown ends them, although the units on which they depend are stopped, too', () => {
    const shutdown = [
      'broker.service active 145',
      'bound.service active 147',
      'chained.service active 148',
      '+ 145 broker.service',
      '+ 147 bound.service',
      '+ 148 chained.service',
      '+ 140 shutdown.target',
    ]
    expect(causesIn(shutdown, ['broker.service', 145], ['bound.service', 147], ['chained.service', 148])).toEqual([
      'shutdown.target Conflicts',
      'shutdown.target Conflicts',
      'bound.service BindsTo',
    ])
  })

  it('of a unit that is not watched has to be read: the type of the job, or when the unit started', () => {
    const causes = running()
    apply(causes, '+ 525 intruder.service', 'rival.service active 533', '+ 533 rival.service', '- 525 intruder.service')
    const end = causes.end('rival.service', 533)
    if (end === null) throw new Error('no end')
    expect([causes.of(end), causes.questions(end)]).toEqual([null, [{ unit: 'intruder.service', job: 525 }]])
    expect(causes.questions(end)).toEqual([])
    expect(causes.jobType('intruder.service', 525, null)).toEqual({ unit: 'intruder.service', job: null })
    causes.wasRead('intruder.service', { activeState: 'active', leftActiveMs: 0, enteredActiveMs: 10_000 })
    expect(causes.of(end)).toEqual({ unit: 'intruder.service', relation: 'Conflicts' })
  })
})

describe('a unit that is not watched', () => {
  it('and ends by itself has to be read, and ended just before', () => {
    const causes = running()
    apply(causes, 'on-device.service active 7', '+ 7 on-device.service', 10_002, 'on-device.service deactivating 7')
    const end = causes.end('on-device.service', 7)
    if (end === null) throw new Error('no end')
    expect(causes.questions(end)).toEqual([{ unit: 'dev-modem.device', job: null }])
    for (const leftActiveMs of [0, 9000, 10_001]) {
      causes.wasRead('dev-modem.device', { activeState: 'inactive', leftActiveMs, enteredActiveMs: 1 })
      expect(causes.of(end)).toBe(null)
    }
    causes.wasRead('dev-modem.device', { activeState: 'inactive', leftActiveMs: 9999, enteredActiveMs: 1 })
    expect(causes.of(end)).toEqual({ unit: 'dev-modem.device', relation: 'BindsTo' })
  })

  it('and is stopped by a user is a cause once the type of its job was read, or that it stopped', () => {
    for (const type of ['stop', 'start', null]) {
      const causes = running()
      apply(causes, '+ 7 group.target', 'part.service active 8', '+ 8 part.service', '- 7 group.target')
      const end = causes.end('part.service', 8)
      if (end === null) throw new Error('no end')
      expect([causes.of(end), causes.questions(end)]).toEqual([null, [{ unit: 'group.target', job: 7 }]])
      causes.jobType('group.target', 7, type)
      if (type === null)
        causes.wasRead('group.target', { activeState: 'inactive', leftActiveMs: 10_000, enteredActiveMs: 1 })
      expect(causes.of(end)).toEqual(type === 'start' ? null : { unit: 'group.target', relation: 'PartOf' })
    }
  })
})

describe('the relations of a unit', () => {
  it('prove nothing after a reload of systemd until they are read again', () => {
    const causes = running()
    causes.forgetRelations()
    apply(causes, 'broker.service active 7', '+ 7 broker.service', 'part.service active 8', '+ 8 part.service')
    expect(causeOf(causes, 'part.service', 8)).toBe(null)
    causes.setRelations('part.service', relations({ PartOf: ['broker.service'] }))
    expect(causeOf(causes, 'part.service', 8)).toBe('broker.service PartOf')
    causes.forgetRelations()
    apply(causes, 'broker.service active 9', '+ 9 broker.service', 'part.service active 10', '+ 10 part.service')
    causes.forgetRelations()
    causes.setRelations('part.service', relations({ PartOf: ['broker.service'] }))
    expect(causeOf(causes, 'part.service', 10)).toBe(null)
  })

  it('are read when its stop job has no known cause, and another unit may have been loaded that conflicts with it', () => {
    const causes = running()
    causes.changed('broker.service', 1, 'inactive', 0, 1)
    apply(causes, '+ 5 broker.service', 'rival.service active 6', '+ 6 rival.service', 'broker.service inactive 5')
    const end = causes.end('rival.service', 6)
    if (end === null) throw new Error('no end')
    expect(causes.questions(end)).toEqual([{ unit: 'rival.service', job: null }])
    causes.setRelations('rival.service', relations({ ConflictedBy: ['broker.service'] }))
    expect(causes.of(end)).toEqual({ unit: 'broker.service', relation: 'Conflicts' })
  })

  it('leave out what every unit depends on, name each unit once, and are the same object for the same ones', () => {
    const properties: Properties = {
      Requires: ['a.service', 'sysinit.target'],
      BindsTo: ['a.service'],
      After: ['b.service', 'basic.target'],
    }
    expect(relations(properties)).toEqual({
      endedBy: [{ unit: 'a.service', relation: 'BindsTo' }],
      follows: ['b.service', 'a.service'],
    })
    expect(relations({ ...properties })).toBe(relations(properties))
  })
})
