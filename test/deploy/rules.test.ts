// Checks the files in deploy/ with promtool and amtool, and runs promtool's unit tests of the rules.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: DEPLOY, encoding: 'utf8' })
  return { code: status, stdout: stdout.trim(), output: stdout + stderr }
}

describeUnless(missingPrograms('promtool', 'amtool'), 'deploy', () => {
  test.each(['site', 'fleet'])('the configuration and the rules of a %s are valid', (which) => {
    const { code, output } = run('promtool', 'check', 'config', `prometheus/${which}/prometheus.yml`)
    expect([code, output.match(/FAILED|error|warning/i)]).toEqual([0, null])
  })

  test.each(['units', 'gateway'])('the rules pass %s.test.yml', (which) => {
    const { code, output } = run('promtool', 'test', 'rules', `prometheus/tests/${which}.test.yml`)
    expect(code, output).toBe(0)
  })

  test('the configuration of Alertmanager is valid and routes alerts by severity', () => {
    const config = 'alertmanager/alertmanager.yml'
    expect(run('amtool', 'check-config', config).code).toBe(0)
    const receiverOf = (...labels: string[]) =>
      run('amtool', 'config', 'routes', 'test', `--config.file=${config}`, ...labels).stdout
    expect(receiverOf('alertname=GatewatchUnitGaveUp', 'severity=critical')).toBe('on-call')
    expect(receiverOf('alertname=GatewatchUnitCrashed', 'severity=warning')).toBe('operators')
    expect(receiverOf('alertname=GatewatchUnitNeverStarted', 'severity=info')).toBe('operators')
  })
})
