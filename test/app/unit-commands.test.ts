// Commands to the running agent, with a back end that returns literal results.
import { expect, test } from 'vitest'
import { createUnitCommands } from '../../src/app/unit-commands.ts'
import { type CommandResult, ControlError, type UnitCommand } from '../../src/core/command.ts'
import type { Observation } from '../../src/core/observation.ts'
import { testClock } from '../rig/clock.ts'

const ORDER: UnitCommand = { action: 'restart', unit: 'mosquitto.service', via: 'http', who: 'ops' }
const AT = { monoMs: 1, wallMs: 2 }

const never = () => Promise.reject(new Error('unexpected call'))
const NOTHING_ELSE = { list: never, status: never, properties: never }

function commanding(run: () => Promise<CommandResult>, enabled = true) {
  const made: string[] = []
  const observed: Observation[] = []
  const commands = createUnitCommands({
    rules: () => ({ enabled, units: [] }),
    isWatched: (unit) => unit === 'mosquitto.service',
    control: async () => {
      made.push('made')
      const daemonReload = async () => void made.push('reloaded')
      return { ...NOTHING_ELSE, daemonReload, run, close: () => made.push('closed') }
    },
    observe: (observation) => observed.push(observation),
    clock: testClock({ startMs: AT.monoMs, wallOffsetMs: AT.wallMs - AT.monoMs }),
    log: (level, message) => made.push(`${level} ${message}`),
  })
  return { commands, made, observed }
}

test('a command is run by a back end that the first one creates, and recorded', async () => {
  const { commands, made, observed } = commanding(async () => ({ outcome: 'done', cause: null }))
  expect(made).toEqual([])
  expect(await commands.run(ORDER)).toEqual({ outcome: 'done', cause: null })
  await commands.run({ ...ORDER, noWait: true })
  commands.close()
  await Promise.resolve()
  expect(made).toEqual(['made', 'closed'])
  expect(observed).toEqual([
    { kind: 'command', at: AT, outcome: 'done', ...ORDER },
    { kind: 'command', at: AT, outcome: 'done', ...ORDER, noWait: true },
  ])
})

test('a unit that the configuration does not allow is refused before anything is done', async () => {
  const { commands, made, observed } = commanding(async () => ({ outcome: 'done', cause: null }))
  await expect(commands.run({ ...ORDER, unit: 'ssh.service' })).rejects.toMatchObject({ code: 'denied' })
  expect(commands.refusal('mosquitto.service')).toBeNull()
  const off = commanding(async () => ({ outcome: 'done', cause: null }), false)
  await expect(off.commands.run(ORDER)).rejects.toThrow('control.enabled')
  expect([made, observed, off.made]).toEqual([[], [], []])
})

test('a refusal by systemd is logged and recorded with its code', async () => {
  const { commands, made, observed } = commanding(async () => {
    throw new ControlError('masked', 'mosquitto.service is masked')
  })
  await expect(commands.run(ORDER)).rejects.toMatchObject({ code: 'masked' })
  expect(observed).toMatchObject([{ kind: 'command', outcome: 'masked' }])
  expect(made).toEqual(['made', 'warning restart mosquitto.service via http: mosquitto.service is masked'])
})

test('a reload of the unit files requires control, and is logged because it concerns no unit', async () => {
  const { commands, made, observed } = commanding(never)
  await commands.daemonReload()
  expect(made).toEqual([
    'made',
    'reloaded',
    'info systemd has reloaded its unit files, as requested over the local socket',
  ])
  expect(observed).toEqual([])
  const off = commanding(never, false)
  await expect(off.commands.daemonReload()).rejects.toMatchObject({ code: 'denied' })
  expect(off.made).toEqual([])
})
