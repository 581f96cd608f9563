// The drop-in that the layer's example makes: with a real systemd and the shipped unit, the counters survive the loss of /var/lib/gatewatch.
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import * as rig from '../rig/installed.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { install, read } from './recipe.ts'

const DROP_IN = 'usr/lib/systemd/system/gatewatch.service.d/state.conf'

describeUnless(rig.noGateway(), 'GATEWATCH_STATE_DIR', () => {
  const image = mkdtempSync(join(tmpdir(), 'gw-yocto-'))
  afterAll(() => rmSync(image, { recursive: true, force: true }))
  // In a directory that the rig keeps from one boot to the next. Unique, because rigs share the abstract sockets that lock a state file.
  const partition = `${basename(image)}/gatewatch`

  it('keeps the counters where it says, over a boot with an empty /var/lib/gatewatch', {
    timeout: 120_000,
  }, async () => {
    const unpacked = join(image, 'unpacked')
    for (const name of ['completions', 'drop-ins']) mkdirSync(join(unpacked, name), { recursive: true })
    const files = [
      'gatewatch',
      'gatewatch.service',
      'config.json',
      'gatewatch.1',
      'gatewatch.cdx.json',
      'gatewatch.vex.cdx.json',
    ]
    const more = [
      'completions/gatewatch.bash',
      'completions/_gatewatch',
      'completions/gatewatch.fish',
      'drop-ins/one.conf',
    ]
    for (const name of [...files, ...more]) writeFileSync(join(unpacked, name), '')
    install({ unpacked, image, stateDirectory: `/var/lib/${partition}` })

    const installed = rig.install({
      services: ['fragile'],
      units: { 'fragile.service': '[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=10ms\n' },
      service: read(image, DROP_IN),
    })
    const data = join(installed.directory, 'lib', partition)
    mkdirSync(data, { recursive: true })
    chownSync(data, installed.uid, installed.uid)
    const crashes = async (gateway: rig.Gateway) =>
      Number(((await gateway.unit('fragile.service'))['counters'] as Json)['crashes'])
    try {
      const first = await installed.boot()
      await until(() => first.unit('fragile.service'), {
        what: 'the unit to run',
        is: (unit) => unit['active_state'] === 'active',
      })
      await first.systemd.kill('fragile.service', 'KILL', 'main')
      await until(() => crashes(first), { what: 'the crash', is: (n) => n === 1 })
      await first.systemd.stop('gatewatch.service')
      await first.systemd.stop()
      rmSync(join(installed.directory, 'lib/gatewatch'), { recursive: true })
      const second = await installed.boot()
      expect(await crashes(second)).toBe(1)
      expect(read(data, 'state.ring').length).toBeGreaterThan(0)
      await second.systemd.stop()
    } finally {
      installed.remove()
    }
  })
})
