// `npm run fleet -- --gateways 1000 --sites 10 --minutes 5`: a site's Prometheus and a fleet's, as shipped, under load.
// The gateways are one process with the real exposition; each of `--sites` is that one site once more, under another name.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changed, shipped } from '../deploy/shipped.ts'
import { type Prometheus, startPrometheusWith } from '../rig/prometheus.ts'
import { until } from '../rig/until.ts'
import { taken } from './measure.ts'
import { startGateways } from './simulated.ts'

const { values } = parseArgs({
  options: {
    gateways: { type: 'string', default: '1000' },
    sites: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '5' },
  },
})
const gateways = Number(values.gateways)
const sites = Number(values.sites)
const seconds = Number(values.minutes) * 60
const say = (what: string, value: string) => console.log(`${what.padEnd(60)} ${value.padStart(16)}`)

await using them = await startGateways(gateways)
await using site = await startPrometheusWith(siteFiles())
await using fleet = await startPrometheusWith(fleetFiles(site))
for (const { url, directory } of [site, fleet]) {
  writeFileSync(join(directory, 'itself.json'), JSON.stringify([{ targets: [new URL(url).host] }]))
}
await until(() => site.query('count(up{job="gatewatch"} == 1)'), {
  what: 'all gateways to be scraped',
  is: (found) => Number(found[0]?.value[1]) === gateways,
  timeoutMs: 120_000,
})
await until(() => fleet.query('count(gateway:gatewatch_up)'), {
  what: 'the fleet to have them',
  is: (found) => Number(found[0]?.value[1]) === gateways * sites,
  timeoutMs: 240_000,
})
const before = [taken(them.pid), await busy(site), await busy(fleet)] as const
await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
const after = [taken(them.pid), await busy(site), await busy(fleet)] as const

const body = await (await fetch(`http://${them.addressOf(7)}/metrics`)).text()
const packed = await fetch(`http://${them.addressOf(7)}/metrics`, { headers: { 'accept-encoding': 'gzip' } })
say(
  'series of a gateway with 12 units',
  String(await number(site, 'max(max_over_time(scrape_samples_scraped{job="gatewatch"}[5m]))')),
)
say('bytes of a scrape', String(Buffer.byteLength(body)))
say('  packed, as Prometheus asks for it', packed.headers.get('content-length') ?? '')
say('all gateways together: CPU', `${((after[0].cpuSeconds - before[0].cpuSeconds) / seconds).toFixed(3)} cores`)
await report('site', site, before[1], after[1])
say('  alerts that fire', String(await number(site, 'count(ALERTS{alertstate="firing"}) or vector(0)')))
await report('fleet', fleet, before[2], after[2])
say('  series from a site', String(await number(fleet, 'max(scrape_samples_scraped)')))
say('  taking them', `${(await number(fleet, 'max(scrape_duration_seconds)')).toFixed(2)} s`)

type Busy = Awaited<ReturnType<typeof busy>>

async function busy(prometheus: Prometheus) {
  const samples = await number(prometheus, 'prometheus_tsdb_head_samples_appended_total')
  return { ...taken(prometheus.pid), samples }
}

/** CPU is told for each million samples, too: a busy machine takes fewer in its time. Rules are part of it. */
async function report(name: string, prometheus: Prometheus, before: Busy, after: Busy): Promise<void> {
  const samples = after.samples - before.samples
  const cpu = after.cpuSeconds - before.cpuSeconds
  console.log()
  say(`${name}: series in the head`, String(await number(prometheus, 'prometheus_tsdb_head_series')))
  say('  samples appended in a second', (samples / seconds).toFixed(0))
  say('  CPU', `${(cpu / seconds).toFixed(3)} cores`)
  say('  CPU for a million samples, rules included', `${((cpu / samples) * 1e6).toFixed(1)} s`)
  say('  resident memory', `${after.residentMb.toFixed(0)} MB`)
  const missed = await number(prometheus, 'sum(prometheus_rule_group_iterations_missed_total)')
  say('  rounds of rules left out, as the machine was too busy', String(missed))
}

async function number(prometheus: Prometheus, query: string): Promise<number> {
  return Number((await prometheus.query(query))[0]?.value[1])
}

/** As shipped, and with a job for itself, whose numbers are asked for here. */
function siteFiles(): Record<string, string> {
  const rules = readdirSync(join(import.meta.dirname, '../../deploy/prometheus/site')).filter((n) =>
    /^(al|rec)/.test(n),
  )
  return {
    ...Object.fromEntries(rules.map((name) => [name, shipped(`prometheus/site/${name}`)])),
    'prometheus.yml': withItself(shipped('prometheus/site/prometheus.yml')),
    'gateways/them.json': them.targets(),
  }
}

/** As shipped; each site once more under another name, which stands for that many sites of their own. */
function fleetFiles(site: Prometheus): Record<string, string> {
  const address = new URL(site.url).host
  const targets = Array.from({ length: sites }, (_, i) => ({ targets: [address], labels: { as: `site-${i}` } }))
  const renamed = changed(shipped('prometheus/fleet/prometheus.yml'), {
    'metrics_path: /federate':
      'metrics_path: /federate\n    metric_relabel_configs: [{source_labels: [as], target_label: site}, {regex: as, action: labeldrop}]',
  })
  return {
    'prometheus.yml': withItself(renamed),
    'records.yml': shipped('prometheus/fleet/records.yml'),
    'sites/them.json': JSON.stringify(targets),
  }
}

function withItself(config: string): string {
  return `${config}\n  - {job_name: itself, file_sd_configs: [{files: ["itself.json"]}]}\n`
}
