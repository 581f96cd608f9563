// What promtool and amtool say of the files in deploy/, and what the rules say of lives of gateways, in promtool's own tests.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: DEPLOY, encoding: 'utf8' })
  return { code: status, stdout: stdout.trim(), said: stdout + stderr }
}

describeUnless(missingPrograms('promtool', 'amtool'), 'deploy', () => {
  test.each(['site', 'fleet'])('the configuration of a %s is one, and so are its rules', (which) => {
    const { code, said } = run('promtool', 'check', 'config', `prometheus/${which}/prometheus.yml`)
    expect([code, said.match(/FAILED|error|warning/i)]).toEqual([0, null])
  })

  test.each(['units', 'gateway'])('the rules say what %s.test.yml says', (which) => {
    const { code, said } = run('promtool', 'test', 'rules', `prometheus/tests/${which}.test.yml`)
    expect(code, said).toBe(0)
  })

  test('the configuration of Alertmanager is one, and tells whom it should', () => {
    const config = 'alertmanager/alertmanager.yml'
    expect(run('amtool', 'check-config', config).code).toBe(0)
    const told = (...labels: string[]) =>
      run('amtool', 'config', 'routes', 'test', `--config.file=${config}`, ...labels).stdout
    expect(told('alertname=GatewatchUnitGaveUp', 'severity=critical')).toBe('on-call')
    expect(told('alertname=GatewatchUnitCrashed', 'severity=warning')).toBe('operators')
    expect(told('alertname=GatewatchUnitNeverStarted', 'severity=info')).toBe('operators')
  })
})
