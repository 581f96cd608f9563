// The rules as shipped, judged by a real Prometheus over a real agent: some of what `npm run alerts` does for every alert.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAlertmanager } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { start } from './causes.ts'
import { hurriedAlertmanager } from './shipped.ts'
import { type AlertingSite, startAlertingSite } from './stage.ts'

const WITHIN = { timeoutMs: 60_000, everyMs: 200 }

describeUnless(noSystemd() ?? missingPrograms('prometheus', 'prometheus-alertmanager'), 'alerts', () => {
  let stage: AlertingSite
  beforeAll(async () => {
    stage = await startAlertingSite()
    const past = 'last_over_time(unit:gatewatch_crashes:known{service="steady.service"}[1h] offset 8s)'
    await until(() => stage.prometheus.query(past), { what: 'a past', is: ({ length }) => length > 0, ...WITHIN })
  }, 180_000)
  afterAll(() => stage[Symbol.asyncDispose]())

  const steadyFires = (fires: boolean) =>
    until(() => stage.firing('steady.service'), {
      what: fires ? 'the alert' : 'the end of the alert',
      is: (names) => names.includes('GatewatchUnitCrashed') === fires,
      ...WITHIN,
    })

  test('a crash alerts and reaches Alertmanager; a requested end that fails alerts nobody', async () => {
    const { systemd } = stage.scene
    await systemd.stop('stubborn.service')
    const requested = 'gatewatch_unit_failures_total{service="stubborn.service",requested="true"} == 1'
    await until(() => stage.prometheus.query(requested), {
      what: 'the failure',
      is: ({ length }) => length === 1,
      ...WITHIN,
    })
    await systemd.kill('steady.service', 'SIGKILL')
    await steadyFires(true)
    expect(await stage.firing('stubborn.service')).toEqual([])
    await until(() => stage.alertmanager.alerts(), {
      what: 'the alert at Alertmanager',
      is: (alerts) => alerts.some(({ labels }) => labels['service'] === 'steady.service' && labels['site'] === 'north'),
      ...WITHIN,
    })
    await steadyFires(false)
  })

  test('a crash while the gateway was silent alerts when it is heard again', async () => {
    const { scene } = stage
    await scene.agent.end('SIGKILL')
    await until(stage.firing, { what: 'silence', is: (names) => names.includes('GatewatchGatewaySilent'), ...WITHIN })
    await scene.systemd.kill('steady.service', 'SIGKILL')
    await until(() => scene.systemd.show('steady.service', 'NRestarts', 'ActiveState'), {
      what: 'the restart',
      is: (now) => now['NRestarts'] === '2' && now['ActiveState'] === 'active',
      ...WITHIN,
    })
    expect(await stage.firing('steady.service')).toEqual([])
    scene.agent = await start(scene)
    await steadyFires(true)
  })

  test('a silent gateway, and a deaf agent, take in what else is known of them, and nobody else', async () => {
    await using alertmanager = await startAlertmanager(hurriedAlertmanager())
    const alert = (alertname: string, gateway: string, more = {}) => ({
      labels: { alertname, gateway, site: 'n', ...more },
    })
    const unit = { service: 'a.service' }
    const given = [
      alert('GatewatchGatewaySilent', 'silent'),
      alert('GatewatchUnitCrashed', 'silent', unit),
      alert('GatewatchBrokerDown', 'silent'),
      alert('GatewatchBusDown', 'deaf'),
      alert('GatewatchUnitGaveUp', 'deaf', unit),
      alert('GatewatchBrokerDown', 'deaf'),
      alert('GatewatchUnitGaveUp', 'well', unit),
      alert('GatewatchUnitCrashed', 'well', unit),
      alert('GatewatchUnitCrashed', 'well', { service: 'b.service' }),
    ]
    const headers = { 'content-type': 'application/json' }
    await fetch(`${alertmanager.url}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(given) })
    const told = async () => {
      const alerts = await alertmanager.alerts()
      const loud = alerts.filter(({ status }) => status.state === 'active')
      return loud
        .map(({ labels }) => `${labels['gateway']} ${labels['alertname']} ${labels['service'] ?? ''}`.trim())
        .sort()
    }
    await until(told, { what: 'judgement', is: ({ length }) => length === 5, ...WITHIN })
    expect(await told()).toEqual([
      'deaf GatewatchBrokerDown',
      'deaf GatewatchBusDown',
      'silent GatewatchGatewaySilent',
      'well GatewatchUnitCrashed b.service',
      'well GatewatchUnitGaveUp a.service',
    ])
  })
})
