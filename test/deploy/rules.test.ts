// Checks the files in deploy/ with promtool and amtool, and runs promtool's unit tests of the rules.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { ADDED_FOR_ALERTS, DEFAULT_MATCH } from './pushed-families.ts'
import { shipped } from './shipped.ts'

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

  test.each(['units', 'gateway', 'silence'])('the rules pass %s.test.yml', (which) => {
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

/** Each alert or record with its expression. */
function rules(name: string): (readonly [string, string])[] {
  const all = shipped(`prometheus/site/${name}.yml`)
    .split(/^ {6}- /m)
    .slice(1)
  return all.map((text) => {
    const [, rule = '', expr = ''] = /^(?:alert|record): (\S+)\n {8}expr: (.*?)\n(?! {9})/s.exec(`${text}\n`) ?? []
    return [rule, expr] as const
  })
}

test('deploy/README.md lists which families each alert needs that a gateway does not push by default', () => {
  const all = [...rules('alerts-units'), ...rules('alerts-gateway')]
  const expressions = new Map(all)
  const names = FAMILIES.map(({ name }) => name)
  const familiesOf = (expr: string): string[] => {
    const words = expr.match(/[a-zA-Z_:]{5,}/g) ?? []
    return words.flatMap((word) => {
      const recorded = word.includes(':') ? expressions.get(word) : undefined
      return recorded === undefined || recorded === expr ? word : familiesOf(recorded)
    })
  }
  const missing = all.flatMap(([alert, expr]) => {
    const added = names.filter((name) => familiesOf(expr).includes(name) && !DEFAULT_MATCH.includes(name))
    // These need one of their series, and one is pushed.
    return alert.includes(':') || ['GatewatchBusDown', 'GatewatchUnhealthy'].includes(alert) || added.length === 0
      ? []
      : [[alert, added.sort()] as const]
  })
  expect(expressions.size).toBeGreaterThan(25)
  expect(new Map([...ADDED_FOR_ALERTS].map(([alert, families]) => [alert, [...families].sort()]))).toEqual(
    new Map(missing),
  )
})
