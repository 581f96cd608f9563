// The match rules of a connection: which signals the bus delivers, on a scripted bus and on a real systemd.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newState } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { countersBalance } from '../../src/core/unit-facts.ts'
import { type Bus, busError } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { createMatchRules, type NeededUnits } from '../../src/systemd/match-rules.ts'
import { unitPath } from '../../src/systemd/unit-path.ts'
import { startDbus } from '../rig/dbus.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from './clock.ts'
import { fakeBus } from './fake-bus.ts'
import { watchingConnected } from './watching.ts'

const EVERY_UNIT = /path_namespace|member='Job/
const units = (...watched: string[]): NeededUnits => ({ watched, others: [] })

/** A bus that records the rules that it has, and the changes as `+` and `-`. It refuses those that `refuses` matches. */
function recordingBus(refuses = /^$/) {
  const rules = new Set<string>()
  const log: string[] = []
  const bus: Bus = {
    ...fakeBus().bus,
    async call(_destination, _path, _face, member, _signature, [rule] = []) {
      const text = String(rule)
      if (refuses.test(text)) throw busError('org.freedesktop.DBus.Error.LimitsExceeded', 'too many')
      log.push(`${member === 'AddMatch' ? '+' : '-'}${text}`)
      if (member === 'AddMatch') rules.add(text)
      else rules.delete(text)
      return []
    },
  }
  const has = (text: string | RegExp) =>
    [...rules].some((rule) => (typeof text === 'string' ? rule.includes(text) : text.test(rule)))
  return { bus, log, has }
}

describe('match rules', () => {
  it('are those of every unit, then only those of the needed ones, added before the others are removed', async () => {
    const { bus, log, has } = recordingBus()
    const rules = createMatchRules(bus)
    await rules.everyUnit()
    expect(rules.covers(unitPath('other.service'))).toBe(true)
    log.length = 0
    await rules.only(() => ({ watched: ['a.service'], others: [unitPath('a.timer')] }))
    expect(log.map((change) => change[0]).join('')).toBe('+++---')
    expect(has(EVERY_UNIT)).toBe(false)
    expect(has("arg2='a.service'")).toBe(true)
    for (const name of ['NameOwnerChanged', 'UnitNew', 'UnitRemoved', 'Reloading'])
      expect(has(`member='${name}'`)).toBe(true)
    const covered = ['a.service', 'a.timer', 'other.service'].map((unit) => rules.covers(unitPath(unit)))
    expect(covered).toEqual([true, true, false])
    log.length = 0
    await rules.everyUnit()
    await rules.only(() => units('a.service', 'b.service'))
    expect(log.map((change) => change[0]).join('')).toBe('+++++----')
    expect(has('a_2etimer')).toBe(false)
  })

  it('are not removed for units that came to be needed while rules were added', async () => {
    const { bus, has } = recordingBus()
    const rules = createMatchRules(bus)
    await rules.everyUnit()
    const more = [units('a.service'), units('a.service', 'b.service')]
    await rules.only(() => more.shift() ?? units('a.service', 'b.service', 'c.service'))
    expect([has('/unit/b_2eservice'), has('/unit/c_2eservice'), has(EVERY_UNIT)]).toEqual([true, true, false])
    await rules.everyUnit()
    let calls = 0
    await rules.only(() => (calls++ === 0 ? units('d.service') : null))
    expect([has(EVERY_UNIT), has('/unit/a_2eservice'), has('/unit/d_2eservice')]).toEqual([true, false, false])
    expect(rules.covers(unitPath('x.service'))).toBe(true)
  })

  it('are those of the jobs of units that can end a watched one, as many as there is room for', async () => {
    const { bus, has } = recordingBus()
    const rules = createMatchRules(bus)
    const related = ['a.service', 'b.target', ...Array.from({ length: 70 }, (_, i) => `r${i}.slice`)]
    await rules.only(() => ({ watched: ['a.service'], others: [], related }))
    expect([has("arg2='b.target'"), has('/unit/b_2etarget'), has(EVERY_UNIT)]).toEqual([true, false, false])
    expect([has("arg2='r61.slice'"), has("arg2='r62.slice'")]).toEqual([true, false])
  })

  it('are those of every unit if there are too many units', async () => {
    const { bus, log, has } = recordingBus()
    const rules = createMatchRules(bus)
    await rules.everyUnit()
    log.length = 0
    await rules.only(() => units(...Array.from({ length: 65 }, (_, i) => `u${i}.service`)))
    expect([log, has(EVERY_UNIT)]).toEqual([[], true])
  })

  it('are those of every unit, from then on, if the bus refuses one', async () => {
    const { bus, log, has } = recordingBus(/b_2eservice/)
    const rules = createMatchRules(bus)
    await rules.everyUnit()
    await rules.only(() => units('a.service', 'b.service'))
    expect([has(EVERY_UNIT), has('a_2eservice'), rules.covers(unitPath('x.service'))]).toEqual([true, false, true])
    log.length = 0
    await rules.only(() => units('a.service'))
    expect(log).toEqual([])
  })

  it('cannot be those of every unit on a bus that allows too few rules', async () => {
    const { bus } = recordingBus(/path_namespace/)
    const rules = createMatchRules(bus)
    await expect(rules.everyUnit()).rejects.toThrow('too many')
    expect(rules.covers(unitPath('x.service'))).toBe(false)
  })
})

describeUnless(missingPrograms('dbus-daemon', 'setpriv'), 'a bus with a limit of match rules', () => {
  it('keeps the rules of every unit when those of single units exceed the limit', async () => {
    await using daemon = await startDbus({ config: '<limit name="max_match_rules_per_connection">12</limit>' })
    const bus = await connectBus(daemon.address, { after: clock.after })
    const rules = createMatchRules(bus)
    await rules.everyUnit()
    await rules.only(() => units('a.service', 'b.service', 'c.service'))
    expect(rules.covers(unitPath('x.service'))).toBe(true)
    await rules.everyUnit() // still fits
    bus.close()
  })
})

describeUnless(noSystemd(), 'signals of a real systemd', () => {
  let rig: Systemd
  beforeAll(async () => {
    rig = await startSystemd()
    const again =
      '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n'
    for (const name of ['ours', 'other', 'new']) rig.writeUnit(`${name}.service`, again)
    rig.writeUnit('loop.service', again.replace('sleep 1000', 'false'))
    await rig.daemonReload()
    for (const name of ['ours', 'other', 'new']) await rig.start(`${name}.service`)
  })
  afterAll(() => rig.stop())

  /** A source, with the headers of all signals that the bus has delivered to it. */
  async function watched(patterns: readonly string[]) {
    const received: string[] = []
    const connect: typeof connectBus = async (addresses, options) => {
      const bus = await connectBus(addresses, options)
      return {
        ...bus,
        onSignal: (listener, wants = () => true) =>
          bus.onSignal(listener, (header) => {
            received.push(header.member === 'PropertiesChanged' ? header.path.replace(/.*\//, '') : header.member)
            return wants(header)
          }),
      }
    }
    const w = await watchingConnected(rig.busAddress, patterns, { connect })
    return { w, received, [Symbol.asyncDispose]: () => w.source.stop() }
  }

  /** Kills the unit, and waits for its next run. */
  async function restarted(unit: string) {
    const before = (await rig.show(unit, 'NRestarts')).NRestarts
    await rig.kill(unit)
    await until(() => rig.show(unit, 'NRestarts', 'SubState'), {
      what: `a restart of ${unit}`,
      is: ({ NRestarts, SubState }) => NRestarts !== before && SubState === 'running',
    })
  }

  it('of units that are not watched are not delivered, except with a pattern', async () => {
    await using one = await watched(['ours'])
    await using all = await watched(['ours', 'no-such-*'])
    for (const { received } of [one, all]) received.length = 0
    await restarted('other.service')
    await restarted('ours.service')
    const nRestarts = Number((await rig.show('ours.service', 'NRestarts')).NRestarts)
    for (const { w } of [one, all]) await w.becomes('ours.service', { subState: 'running', job: 0, nRestarts })
    await until(() => all.received.filter((name) => name === 'JobRemoved').length, {
      what: 'both jobs',
      is: (n) => n === 2,
    })
    expect(all.received).toContain('other_2eservice')
    expect(one.received).not.toContain('other_2eservice')
    expect(one.received.filter((name) => name.startsWith('Job'))).toEqual(['JobNew', 'JobRemoved'])
    const signals = (w: typeof one.w) =>
      w.observations.filter((o) => o.kind.startsWith('job') || o.kind === 'signal').map((o) => o.kind)
    const sinceKill = (kinds: readonly string[]) => kinds.slice(-8)
    expect(sinceKill(signals(one.w))).toEqual(sinceKill(signals(all.w)))
  })

  it('are delivered for a unit that is added by a reload, and for those of a pattern, and no longer afterwards', async () => {
    await using one = await watched(['ours'])
    const { w, received } = one
    w.source.watch(['ours', 'new'])
    await w.source.reconcile()
    const restarts = async (unit: string) => {
      await restarted(unit)
      await w.becomes(unit, { subState: 'running', nRestarts: Number((await rig.show(unit, 'NRestarts')).NRestarts) })
    }
    await restarts('new.service')
    received.length = 0
    await restarted('other.service')
    expect(received).not.toContain('other_2eservice')
    w.source.watch(['ours', 'oth*'])
    await w.source.reconcile()
    await restarts('other.service')
    w.source.watch(['ours'])
    await w.source.reconcile()
    received.length = 0
    await restarted('other.service')
    await restarted('new.service')
    await restarts('ours.service')
    expect(received.filter((name) => /^(other|new)_/.test(name))).toEqual([])
  })

  it('of a crash loop are all counted while the match rules change again and again', async () => {
    await using w = await watchingConnected(rig.busAddress, ['loop'])
    await rig.start('loop.service')
    const others = [['no-such-*'], ['other'], [], ['oth*', 'new'], ['new']]
    const runs = () => new Set(w.of('loop.service').map(({ invocationId }) => invocationId)).size
    for (let i = 0; i < 10 || runs() <= 60; i++) {
      w.source.watch(['loop', ...(others[i % others.length] ?? [])])
      await w.source.reconcile()
    }
    await rig.stop('loop.service')
    await until(() => w.of('loop.service').at(-1), {
      what: 'the end of the loop',
      is: (last) => last?.job === 0 && (last.activeState === 'inactive' || last.activeState === 'failed'),
    })
    let state = newState('0123456789abcdef')
    for (const observation of w.observations) state = step(state, observation).state
    const unit = state.units.find(({ name }) => name === 'loop.service')
    if (unit === undefined) throw new Error('no unit')
    expect(countersBalance(unit)).toBe(true)
    expect(unit.counters.starts).toBeGreaterThan(50)
    expect(unit.counters).toMatchObject({ lost: 0, restarts: unit.counters.starts - 1 })
    expect(w.kinds()).not.toContain('gap')
    expect(w.source.health()).toMatchObject({ reconnects: 0, malformed: 0 })
  })

  it('of a timer that starts a watched unit, and of the unit of an alias, are delivered from when they are found', async () => {
    rig.writeUnit('late.service', '[Service]\nExecStart=/bin/sleep 1000\n')
    await rig.daemonReload()
    await using one = await watched(['late', 'second-name'])
    const { w } = one
    const triggered = () =>
      w.observations.flatMap((o) => (o.kind === 'triggered' && o.unit === 'late.service' ? [o.active] : []))
    rig.writeUnit('late.timer', '[Timer]\nOnActiveSec=1h\n')
    await rig.start('late.timer') // loads it without a reload
    await until(w.kinds, { what: 'every unit to be read because of it', is: (kinds) => kinds.includes('gap') })
    await w.source.reconcile()
    expect(triggered().at(-1)).toBe(true)
    await rig.stop('late.timer')
    await until(triggered, { what: 'the stopped timer', is: (all) => all.at(-1) === false })
    await rig.exec('ln', '-s', 'late.service', `${rig.unitDir}/second-name.service`)
    await rig.daemonReload()
    await w.loadState('second-name.service', 'loaded')
    await w.source.reconcile()
    await rig.start('late.service')
    for (const name of ['late.service', 'second-name.service']) await w.becomes(name, { subState: 'running', job: 0 })
    await rig.kill('late.service')
    for (const name of ['late.service', 'second-name.service']) await w.becomes(name, { activeState: 'failed' })
  })
})
