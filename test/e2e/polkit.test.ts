// The polkit rule that comes with gatewatch, under a real polkit: exactly the named units, and no others.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BINARY } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { writeControlUnits } from '../systemd/control-units.ts'

const RULE = readFileSync(join(import.meta.dirname, '../../systemd/drop-ins/control.rules'), 'utf8')

describeUnless(noSystemd() ?? missingPrograms('/usr/lib/polkit-1/polkitd'), 'the polkit rule', () => {
  const rules = join(mkdtempSync(join(tmpdir(), 'gw-polkit-')), 'rules.d')
  let rig: Systemd
  const asNobody = (...words: string[]) =>
    rig.exec('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, BINARY, ...words)

  beforeAll(async () => {
    mkdirSync(rules)
    rig = await startSystemd({ polkit: true, bind: [dirname(BINARY), `${rules}:/etc/polkit-1/rules.d`] })
    writeControlUnits(rig)
    await rig.daemonReload()
  })
  afterAll(async () => {
    await rig.stop()
    rmSync(dirname(rules), { recursive: true })
  })

  describe.each(['dbus', 'command'])('by %s', (backend) => {
    const denied = (what: string) => ({
      code: 4,
      stdout: '',
      stderr: `gatewatch: permission denied: nobody may not ${what}: be root (sudo), or install the polkit rule of gatewatch for this user\n`,
    })
    const typed = (...words: string[]) => asNobody(...words, '--backend', backend)

    it('is needed for control, and not for reading', async () => {
      rmSync(join(rules, '50-gatewatch.rules'), { force: true })
      await rig.systemctl('stop', 'polkit')
      expect((await typed('show', 'runs', '--json')).code).toBe(0)
      expect((await typed('list')).stdout).toContain('basic.target')
      expect(await typed('start', 'runs')).toEqual(denied('start runs.service'))
      expect(await typed('daemon-reload')).toEqual(denied('reload the unit files'))
    })

    it('grants the named units to the named user, and nothing else', async () => {
      const rule = RULE.replace('"gatewatch"', '"nobody"').replace('"mosquitto.service"', '"runs.service"')
      expect(rule.match(/nobody|runs.service/g)).toEqual(['nobody', 'runs.service'])
      writeFileSync(join(rules, '50-gatewatch.rules'), rule)
      await rig.systemctl('stop', 'polkit') // read anew, as it has no inotify watch on a directory bound over its own
      for (const action of ['start', 'restart', 'reload', 'stop', 'reset-failed'])
        expect([action, (await typed(action, 'runs')).code]).toEqual([action, 0])
      expect(await typed('start', 'needs')).toEqual(denied('start needs.service'))
      expect(await typed('enable', 'runs')).toEqual(denied('enable runs.service'))
      expect(await typed('daemon-reload')).toEqual(denied('reload the unit files'))
      expect((await rig.show('needs.service', 'ActiveState'))['ActiveState']).toBe('inactive')
    })
  })
})
