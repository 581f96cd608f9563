// `npm run alerts [-- scraped|pushed|victoria-metrics [ALERT...]]`: triggers each alert of deploy/prometheus by its cause, of a
// gateway that is scraped or that pushes, and prints how long it took to fire.
import { until } from '../rig/until.ts'
import { type AlertingPath, startAlertingSite } from './alerting-site.ts'
import { CAUSES } from './causes.ts'

const TIMEOUT_MS = 120_000

const [path = 'scraped', ...only] = process.argv.slice(2)
await using site = await startAlertingSite(path as AlertingPath)
await until(() => site.canCompare(), { what: 'its series', timeoutMs: 60_000 })
let missing = 0
for (const [alert, cause] of Object.entries(CAUSES)) {
  if (only.length > 0 && !only.includes(alert)) continue
  const startedMs = performance.now()
  await cause(site.gateway)
  const fired = await until(() => site.firing(), {
    what: alert,
    is: (names) => names.includes(alert),
    timeoutMs: TIMEOUT_MS,
  }).then(
    () => `fired after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
    (error: Error) => {
      missing += 1
      return `DID NOT FIRE: ${error.message}`
    },
  )
  console.log(`${alert.padEnd(28)} ${fired}`)
}
process.exitCode = missing === 0 ? 0 : 1
