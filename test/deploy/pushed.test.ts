// The shipped rules on series that a gateway pushes: a real agent, and Prometheus, or VictoriaMetrics with vmalert;
// `npm run alerts -- pushed` does the same for every alert.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type AlertingPath, type AlertingSite, startAlertingSite } from './alerting-site.ts'
import { crashUnobserved, startAgent } from './causes.ts'

const WITHIN = { timeoutMs: 90_000, everyMs: 200 }
const PROGRAMS = ['prometheus', 'prometheus-alertmanager', 'victoria-metrics', 'vmalert']
const PATHS: readonly AlertingPath[] = ['pushed', 'victoria-metrics']

describeUnless(noSystemd() ?? missingPrograms(...PROGRAMS), 'alerts about a gateway that pushes', () => {
  describe.each(PATHS)('%s', (path) => {
    let site: AlertingSite
    beforeAll(async () => {
      site = await startAlertingSite(path)
      await until(() => site.canCompare('steady.service'), { what: 'earlier samples', ...WITHIN })
    }, 180_000)
    afterAll(() => site[Symbol.asyncDispose]())

    const fires = (alert: string, isFiring: boolean, service?: string) =>
      until(() => site.firing(service), {
        what: `${alert} ${isFiring ? 'to fire' : 'to end'}`,
        is: (names) => names.includes(alert) === isFiring,
        ...WITHIN,
      })

    test('a crash alerts, and reaches Alertmanager with the labels of the gateway', async () => {
      await site.gateway.systemd.kill('steady.service', 'SIGKILL')
      await fires('GatewatchUnitCrashed', true, 'steady.service')
      const isNotified = async () =>
        (await site.alertmanager.alerts()).some(
          ({ labels }) => labels['service'] === 'steady.service' && labels['gateway'] === 'gw-7',
        )
      await until(isNotified, { what: 'the alert at Alertmanager', ...WITHIN })
      await fires('GatewatchUnitCrashed', false, 'steady.service')
    }, 200_000)

    test('a gateway that was killed is silent; a crash meanwhile alerts when it pushes again', async () => {
      const { gateway } = site
      await gateway.agent.end('SIGKILL')
      await fires('GatewatchGatewaySilent', true)
      // Its group of rules may be evaluated after that of the alert.
      await until(() => site.prometheus.query('gateway:gatewatch_up{gateway="gw-7"}'), {
        what: 'the record to show that it is down',
        is: ([known]) => known?.value[1] === '0',
        ...WITHIN,
      })
      await crashUnobserved(gateway, WITHIN)
      expect(await site.firing('steady.service')).toEqual([])
      gateway.agent = await startAgent(gateway)
      await fires('GatewatchUnitCrashed', true, 'steady.service')
      await fires('GatewatchGatewaySilent', false)
    }, 300_000)

    test('a clean stop is silence as well, without waiting until the last sample is old', async () => {
      await site.gateway.agent.end()
      await fires('GatewatchGatewaySilent', true)
    }, 100_000)
  })
})
