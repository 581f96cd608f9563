// Which back end an operation takes, with back ends that say who they are.
import { expect, test } from 'vitest'
import { ControlError } from '../../../src/core/command.ts'
import type { UnitControl } from '../../../src/ports.ts'
import { createFallbackControl } from '../../../src/systemd/operate/fallback.ts'

const WHY = 'systemd cannot be reached: no such socket'

function backEnds(reachable: () => boolean, byCommand = async () => ({ outcome: 'queued', cause: null }) as const) {
  const told: string[] = []
  const never = () => Promise.reject(new Error('not asked for'))
  const none = { daemonReload: never, list: never, status: never, properties: never, close() {} }
  const dbus = {
    ...none,
    run: async () => ({ outcome: 'done', cause: null }) as const,
    reach: async () => {
      if (!reachable()) throw new ControlError('unreachable', WHY)
    },
  }
  const command: UnitControl = { ...none, run: byCommand }
  return { told, control: createFallbackControl(dbus, command, (why) => told.push(why)) }
}

test('D-Bus where it can be had, systemctl where not and as long as not; said once', async () => {
  let there = true
  const { control, told } = backEnds(() => there)
  expect((await control.run('start', 'a.service')).outcome).toBe('done')
  there = false
  expect((await control.run('start', 'a.service')).outcome).toBe('queued')
  expect((await control.run('start', 'a.service')).outcome).toBe('queued')
  there = true
  expect((await control.run('start', 'a.service')).outcome).toBe('done')
  expect(told).toEqual([WHY])
})

test('where neither can be had it is one sentence; what systemctl refuses is its own', async () => {
  const fails = (code: 'unreachable' | 'masked', message: string) => async () => {
    throw new ControlError(code, message)
  }
  const neither = backEnds(() => false, fails('unreachable', 'systemd cannot be reached: there is no systemctl'))
  await expect(neither.control.run('start', 'a.service')).rejects.toMatchObject({
    code: 'unreachable',
    message: `${WHY}; nor by systemctl: there is no systemctl`,
  })
  const refused = backEnds(() => false, fails('masked', 'a.service is masked'))
  await expect(refused.control.run('start', 'a.service')).rejects.toMatchObject({ code: 'masked' })
  expect([neither.told, refused.told]).toEqual([[], [WHY]])
})
