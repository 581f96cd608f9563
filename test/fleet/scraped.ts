// `npm run fleet:scrape -- --gateways 1000 --sites 10 --minutes 5`: measures the load of the shipped configurations of a site's
// Prometheus and of a fleet's Prometheus. One process simulates all gateways with the real exposition; every site is the
// same one under another name.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changed, shipped } from '../deploy/shipped.ts'
import { cpuMs, residentMb } from '../rig/process-usage.ts'
import { type Prometheus, startPrometheusWith } from '../rig/prometheus.ts'
import { until } from '../rig/until.ts'
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
/** A scrape that fails on a busy machine does not hold up the others. */
const ALMOST = 0.99
const print = (what: string, value: string) => console.log(`${what.padEnd(60)} ${value.padStart(16)}`)

await using simulated = await startGateways(gateways)
await using site = await startPrometheusWith(siteFiles())
await using fleet = await startPrometheusWith(fleetFiles(site))
for (const { url, directory } of [site, fleet]) {
  writeFileSync(join(directory, 'itself.json'), JSON.stringify([{ targets: [new URL(url).host] }]))
}
await until(() => site.query('count(up{job="gatewatch"} == 1)'), {
  what: 'the gateways to be scraped',
  is: (samples) => Number(samples[0]?.value[1]) >= ALMOST * gateways,
  timeoutMs: 300_000,
})
await until(() => fleet.query('count(gateway:gatewatch_up)'), {
  what: 'the fleet to have the gateways',
  is: (samples) => Number(samples[0]?.value[1]) >= ALMOST * gateways * sites,
  timeoutMs: 240_000,
})
const cpuBefore = cpuMs(simulated.pid)
const before = [await loadOf(site), await loadOf(fleet)] as const
await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
const cpuAfter = cpuMs(simulated.pid)
const after = [await loadOf(site), await loadOf(fleet)] as const

const body = await (await fetch(`http://${simulated.addressOf(7)}/metrics`)).text()
const packed = await fetch(`http://${simulated.addressOf(7)}/metrics`, { headers: { 'accept-encoding': 'gzip' } })
print(
  'series per gateway with 12 units',
  String(await number(site, 'max(max_over_time(scrape_samples_scraped{job="gatewatch"}[5m]))')),
)
print('bytes per scrape', String(Buffer.byteLength(body)))
print('  gzipped, as Prometheus requests it', packed.headers.get('content-length') ?? '')
print('all gateways together: CPU', `${((cpuAfter - cpuBefore) / 1000 / seconds).toFixed(3)} cores`)
await report('site', site, before[0], after[0])
print('  firing alerts', String(await number(site, 'count(ALERTS{alertstate="firing"}) or vector(0)')))
await report('fleet', fleet, before[1], after[1])
print('  series per site', String(await number(fleet, 'max(scrape_samples_scraped)')))
print('  scrape duration of a site', `${(await number(fleet, 'max(scrape_duration_seconds)')).toFixed(2)} s`)

type Load = Awaited<ReturnType<typeof loadOf>>

async function loadOf(prometheus: Prometheus) {
  const samples = await number(prometheus, 'prometheus_tsdb_head_samples_appended_total')
  return { cpuSeconds: cpuMs(prometheus.pid) / 1000, residentMb: residentMb(prometheus.pid), samples }
}

/** Also prints the CPU per million samples (rules included), because a busy machine ingests fewer samples in the same time. */
async function report(name: string, prometheus: Prometheus, before: Load, after: Load): Promise<void> {
  const samples = after.samples - before.samples
  const cpu = after.cpuSeconds - before.cpuSeconds
  console.log()
  print(`${name}: series in the head`, String(await number(prometheus, 'prometheus_tsdb_head_series')))
  print('  samples appended per second', (samples / seconds).toFixed(0))
  print('  CPU', `${(cpu / seconds).toFixed(3)} cores`)
  print('  CPU per million samples, rules included', `${((cpu / samples) * 1e6).toFixed(1)} s`)
  print('  resident memory', `${after.residentMb.toFixed(0)} MB`)
  const missed = await number(prometheus, 'sum(prometheus_rule_group_iterations_missed_total)')
  print('  rule evaluations missed because the machine was too busy', String(missed))
}

async function number(prometheus: Prometheus, query: string): Promise<number> {
  return Number((await prometheus.query(query))[0]?.value[1])
}

/** As shipped, plus a job that scrapes Prometheus itself, whose metrics are queried here. */
function siteFiles(): Record<string, string> {
  const rules = readdirSync(join(import.meta.dirname, '../../deploy/prometheus/site')).filter((n) =>
    /^(al|rec)/.test(n),
  )
  return {
    ...Object.fromEntries(rules.map((name) => [name, shipped(`prometheus/site/${name}`)])),
    'prometheus.yml': withItself(shipped('prometheus/site/prometheus.yml')),
    'gateways/simulated.json': simulated.targets(),
  }
}

/** As shipped; the same site is scraped under many names, which simulates that many sites. */
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
    'sites/simulated.json': JSON.stringify(targets),
  }
}

function withItself(config: string): string {
  return `${config}\n  - {job_name: itself, file_sd_configs: [{files: ["itself.json"]}]}\n`
}
