// Which units a shutdown stops before gatewatch, and that there are none while the system is running.
import { expect, test } from 'vitest'
import { leadingTo } from '../../src/systemd/shutdown-jobs.ts'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { clock } from './clock.ts'
import { watching, watchingConnected } from './watching.ts'

test('a unit ordered before gatewatch, directly or indirectly, is stopped after it', () => {
  const graph = new Map([
    ['mosquitto.service', ['multi-user.target']],
    ['multi-user.target', []],
    ['talk.socket', ['sockets.target']],
    ['sockets.target', ['basic.target']],
    ['basic.target', ['gatewatch.service', 'mosquitto.service']],
    ['dbus.service', ['gatewatch.service', 'mosquitto.service']],
    ['round.service', ['about.service']],
    ['about.service', ['round.service']],
  ])
  expect([...leadingTo('gatewatch.service', graph)].sort()).toEqual([
    ...['basic.target', 'dbus.service', 'gatewatch.service', 'sockets.target', 'talk.socket'],
  ])
  expect([...leadingTo('unknown.service', graph)]).toEqual(['unknown.service'])
})

describeUnless(noSystemd(), 'a source', () => {
  test('reports no shutdown while the system is running, and the time of the last reply', async () => {
    await using rig = await startSystemd()
    const before = clock.now().monoMs
    await using w = await watchingConnected(rig.busAddress, ['dbus.service'])
    await w.source.firstAttempt()
    expect(await w.source.unitsShuttingDown(2000)).toBeNull()
    expect(w.source.lastReplyAtMonoMs()).toBeGreaterThanOrEqual(before)
  })

  test('completes its first attempt also if there is no bus', async () => {
    await using w = await watching('unix:path=/nowhere/bus', ['dbus.service'])
    await w.source.firstAttempt()
    expect(w.source.health().problem).toContain('/nowhere/bus')
    expect(w.source.lastReplyAtMonoMs()).toBeNull()
    expect(await w.source.unitsShuttingDown(2000)).toBeNull()
  })
})
