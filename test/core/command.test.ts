import { describe, expect, it } from 'vitest'
import { controlRefusal, type UnitCommand } from '../../src/core/command.ts'
import { newState, withUnits } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { newUnit } from '../../src/core/unit.ts'

const isWatched = (unit: string) => unit === 'mosquitto.service'
const at = { monoMs: 5000, wallMs: 1_752_000_000_000 }

describe('whether a unit may be controlled', () => {
  const refusal = (unit: string, rules: { enabled?: boolean; units?: string[] }) =>
    controlRefusal(unit, { enabled: true, units: [], ...rules }, isWatched)

  it('not by default', () => {
    expect(refusal('mosquitto.service', { enabled: false })).toBe(
      'control is disabled; set control.enabled to true in the configuration to enable it',
    )
  })

  it('the watched units, if control.units is empty', () => {
    expect(refusal('mosquitto.service', {})).toBeNull()
    expect(refusal('ssh.service', {})).toBe(
      'ssh.service may not be controlled: it is not a watched unit and not listed in control.units',
    )
  })

  it('exactly the units in control.units, by name and by pattern', () => {
    const units = ['ssh.service', 'sink@*.service']
    const allowed = ['ssh.service', 'sink@1.service', 'mosquitto.service', 'ssh.socket', 'sink@.timer'].filter(
      (unit) => refusal(unit, { units }) === null,
    )
    expect(allowed).toEqual(['ssh.service', 'sink@1.service'])
    expect(refusal('mosquitto.service', { units })).toBe(
      'mosquitto.service may not be controlled: it is not listed in control.units',
    )
  })

  it('never a pattern, even if control.units matches it: systemctl would apply it to every unit', () => {
    for (const unit of ['sink*.service', '*.service', 'sink[0-9].service', 'sink1.*'])
      expect(refusal(unit, { units: ['sink?.service', '*'] })).toBe(
        `${unit} is not a full unit name such as mosquitto.service`,
      )
  })
})

describe('a command', () => {
  const order: UnitCommand = { action: 'restart', unit: 'mosquitto.service', via: 'mqtt', who: 'ops' }

  it('is an event with a sequence number, and changes no counter', () => {
    const unit = {
      ...newUnit('mosquitto.service'),
      counters: { starts: 2, stops: 1, crashes: 0, restarts: 0, lost: 1 },
    }
    const state = { ...withUnits(newState('0123456789abcdef'), [unit]), seq: 7, bootId: 'b' }
    const { state: after, events } = step(state, { kind: 'command', at, outcome: 'done', ...order })
    expect(events).toEqual([
      {
        ...{ kind: 'command', unit: 'mosquitto.service', seq: 8, atMs: 1_752_000_000_000, bootId: 'b' },
        ...{ source: 'signal', clockSynced: null, counters: unit.counters },
        ...{ action: 'restart', outcome: 'done', via: 'mqtt', who: 'ops' },
      },
    ])
    expect(after).toEqual({ ...state, seq: 8 })
  })

  it('can be for a unit that is not watched', () => {
    const { events } = step(newState('0123456789abcdef'), { kind: 'command', at, outcome: 'denied', ...order })
    expect(events).toMatchObject([{ unit: 'mosquitto.service', counters: { starts: 0 }, outcome: 'denied' }])
  })
})
