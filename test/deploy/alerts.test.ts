// The shipped alert rules, with a real Prometheus and a real agent; `npm run alerts` does the same for every alert.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAlertmanager } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AlertingSite, startAlertingSite } from './alerting-site.ts'
import { crashUnobserved, startAgent } from './causes.ts'
import { fastAlertmanager } from './shipped.ts'

const WITHIN = { timeoutMs: 60_000, everyMs: 200 }

describeUnless(noSystemd() ?? missingPrograms('prometheus', 'prometheus-alertmanager'), 'alerts', () => {
  let site: AlertingSite
  beforeAll(async () => {
    site = await startAlertingSite()
    await until(() => site.canCompare('steady.service'), { what: 'earlier samples', ...WITHIN })
  }, 180_000)
  afterAll(() => site[Symbol.asyncDispose]())

  const steadyFires = (fires: boolean) =>
    until(() => site.firing('steady.service'), {
      what: fires ? 'the alert' : 'the end of the alert',
      is: (names) => names.includes('GatewatchUnitCrashed') === fires,
      ...WITHIN,
    })

  test('a crash alerts and reaches Alertmanager; a failure after a requested stop does not alert', async () => {
    const { systemd } = site.gateway
    await systemd.stop('stubborn.service')
    const requested = 'gatewatch_unit_failures_total{service="stubborn.service",requested="true"} == 1'
    await until(() => site.prometheus.query(requested), {
      what: 'the failure',
      is: ({ length }) => length === 1,
      ...WITHIN,
    })
    await systemd.kill('steady.service', 'SIGKILL')
    await steadyFires(true)
    expect(await site.firing('stubborn.service')).toEqual([])
    await until(() => site.alertmanager.alerts(), {
      what: 'the alert at Alertmanager',
      is: (alerts) => alerts.some(({ labels }) => labels['service'] === 'steady.service' && labels['site'] === 'north'),
      ...WITHIN,
    })
    await steadyFires(false)
  })

  test('a crash on an unreachable gateway alerts when it is reachable again', async () => {
    const { gateway } = site
    await gateway.agent.end('SIGKILL')
    await until(site.firing, {
      what: 'the alert about the gateway',
      is: (names) => names.includes('GatewatchGatewaySilent'),
      ...WITHIN,
    })
    await crashUnobserved(gateway, WITHIN)
    expect(await site.firing('steady.service')).toEqual([])
    gateway.agent = await startAgent(gateway)
    await steadyFires(true)
  })

  test('alerts about an unreachable gateway or a lost bus suppress other alerts of that gateway only', async () => {
    await using alertmanager = await startAlertmanager(fastAlertmanager())
    const alert = (alertname: string, gateway: string, more = {}) => ({
      labels: { alertname, gateway, site: 'n', ...more },
    })
    const unit = { service: 'a.service' }
    const alerts = [
      alert('GatewatchGatewaySilent', 'silent'),
      alert('GatewatchUnitCrashed', 'silent', unit),
      alert('GatewatchBrokerDown', 'silent'),
      alert('GatewatchBusDown', 'no-bus'),
      alert('GatewatchUnitGaveUp', 'no-bus', unit),
      alert('GatewatchBrokerDown', 'no-bus'),
      alert('GatewatchUnitGaveUp', 'other', unit),
      alert('GatewatchUnitCrashed', 'other', unit),
      alert('GatewatchUnitCrashed', 'other', { service: 'b.service' }),
    ]
    const headers = { 'content-type': 'application/json' }
    await fetch(`${alertmanager.url}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(alerts) })
    const active = async () => {
      const notSuppressed = (await alertmanager.alerts()).filter(({ status }) => status.state === 'active')
      return notSuppressed
        .map(({ labels }) => `${labels['gateway']} ${labels['alertname']} ${labels['service'] ?? ''}`.trim())
        .sort()
    }
    await until(active, { what: 'Alertmanager to suppress alerts', is: ({ length }) => length === 5, ...WITHIN })
    expect(await active()).toEqual([
      'no-bus GatewatchBrokerDown',
      'no-bus GatewatchBusDown',
      'other GatewatchUnitCrashed b.service',
      'other GatewatchUnitGaveUp a.service',
      'silent GatewatchGatewaySilent',
    ])
  })
})
