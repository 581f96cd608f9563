// Which back end runs a command, with back ends distinguished by their results.
import { expect, test } from 'vitest'
import { ControlError } from '../../../src/core/command.ts'
import type { UnitControl } from '../../../src/ports.ts'
import { createFallbackControl } from '../../../src/systemd/operate/fallback.ts'

const WHY = 'cannot reach systemd: no such socket'

function backEnds(reachable: () => boolean, byCommand = async () => ({ outcome: 'queued', cause: null }) as const) {
  const reasons: string[] = []
  const never = () => Promise.reject(new Error('not expected'))
  const none = { daemonReload: never, list: never, status: never, properties: never, close() {} }
  const dbus = {
    ...none,
    run: async () => ({ outcome: 'done', cause: null }) as const,
    reach: async () => {
      if (!reachable()) throw new ControlError('unreachable', WHY)
    },
  }
  const command: UnitControl = { ...none, run: byCommand }
  return { reasons, control: createFallbackControl(dbus, command, (why) => reasons.push(why)) }
}

test('uses D-Bus if available, otherwise systemctl until D-Bus is back; the reason is reported once', async () => {
  let available = true
  const { control, reasons } = backEnds(() => available)
  expect((await control.run('start', 'a.service')).outcome).toBe('done')
  available = false
  expect((await control.run('start', 'a.service')).outcome).toBe('queued')
  expect((await control.run('start', 'a.service')).outcome).toBe('queued')
  available = true
  expect((await control.run('start', 'a.service')).outcome).toBe('done')
  expect(reasons).toEqual([WHY])
})

test('without both, one message gives both reasons; an error of systemctl is passed on', async () => {
  const fails = (code: 'unreachable' | 'masked', message: string) => async () => {
    throw new ControlError(code, message)
  }
  const neither = backEnds(() => false, fails('unreachable', 'cannot reach systemd: systemctl not found'))
  await expect(neither.control.run('start', 'a.service')).rejects.toMatchObject({
    code: 'unreachable',
    message: `${WHY}; systemctl failed too: systemctl not found`,
  })
  const refused = backEnds(() => false, fails('masked', 'a.service is masked'))
  await expect(refused.control.run('start', 'a.service')).rejects.toMatchObject({ code: 'masked' })
  expect([neither.reasons, refused.reasons]).toEqual([[], [WHY]])
})
