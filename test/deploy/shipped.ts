// Reads the files of deploy/ for tests, with shorter times.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const DEPLOY = join(import.meta.dirname, '../../deploy')

export function shipped(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8')
}

/** Replaces texts in a configuration; throws if a text is missing. */
export function changed(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((now, [from, to]) => {
    if (!now.includes(from)) throw new Error(`${from} is not in ${text.slice(0, 200)}`)
    return now.replaceAll(from, to)
  }, text)
}

/** The files of a site's Prometheus, with scrapes and evaluations every second and without `for` times. */
export function fastSite(targets: string, alertmanagerPort: string): Record<string, string> {
  const config = changed(shipped('prometheus/site/prometheus.yml'), {
    'scrape_interval: 30s': 'scrape_interval: 1s\n  scrape_timeout: 1s',
    'evaluation_interval: 30s': 'evaluation_interval: 1s',
    '127.0.0.1:9093': `127.0.0.1:${alertmanagerPort}`,
  })
  return {
    'prometheus.yml': config,
    'gateways/simulated.json': targets,
    ...fastRuleFiles(),
  }
}

/** How long VictoriaMetrics can take to show a new series, and some more: alerts must last longer than that. */
export const VICTORIA_OFFSET = '25s'

/** The rules of a site by the names of their files, without `for` times; `offset` replaces ten minutes. */
export function fastRuleFiles(offset = '8s'): Record<string, string> {
  const rules = readdirSync(join(DEPLOY, 'prometheus/site')).filter((name) => /^(alerts|records).*\.yml$/.test(name))
  return Object.fromEntries(rules.map((name) => [name, fastRules(shipped(`prometheus/site/${name}`), offset)]))
}

/** Removes `for` times, and replaces the comparison with ten minutes ago. */
function fastRules(rules: string, offset: string): string {
  return rules.replaceAll(/for: \d+[mh]/g, 'for: 0s').replaceAll('offset 10m', `offset ${offset}`)
}

/** The shipped Alertmanager configuration, which sends notifications at once. */
export function fastAlertmanager(): string {
  return changed(shipped('alertmanager/alertmanager.yml'), { 'group_wait: 30s': 'group_wait: 0s' })
}
