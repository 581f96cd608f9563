// `npm run alerts`: each alert of deploy/prometheus made to fire, by its cause, and how long it took.
import { until } from '../rig/until.ts'
import { CAUSES } from './causes.ts'
import { startAlertingSite } from './stage.ts'

const WITHIN_MS = 120_000

await using stage = await startAlertingSite()
await until(() => stage.prometheus.query('up == 1'), {
  what: 'a scrape',
  is: ({ length }) => length > 0,
  timeoutMs: 60_000,
})
let missing = 0
for (const [alert, cause] of Object.entries(CAUSES)) {
  const beganAt = performance.now()
  await cause(stage.scene)
  const fired = await until(() => stage.firing(), {
    what: alert,
    is: (names) => names.includes(alert),
    timeoutMs: WITHIN_MS,
  }).then(
    () => `fired after ${((performance.now() - beganAt) / 1000).toFixed(1)} s`,
    (error: Error) => {
      missing += 1
      return `DID NOT FIRE: ${error.message}`
    },
  )
  console.log(`${alert.padEnd(28)} ${fired}`)
}
process.exitCode = missing === 0 ? 0 : 1
