// The files of deploy/ as they are shipped, with short times where a test cannot wait.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const DEPLOY = join(import.meta.dirname, '../../deploy')

export function shipped(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8')
}

/** A configuration with one text changed for another, which must be there. */
export function changed(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((now, [from, to]) => {
    if (!now.includes(from)) throw new Error(`${from} is not in ${text.slice(0, 200)}`)
    return now.replaceAll(from, to)
  }, text)
}

/** What a site's Prometheus reads, in a hurry: it scrapes and judges every second, and waits for nothing. */
export function hurriedSite(targets: string, alertmanagerPort: string): Record<string, string> {
  const rules = readdirSync(join(DEPLOY, 'prometheus/site')).filter((name) => /^(alerts|records).*\.yml$/.test(name))
  const config = changed(shipped('prometheus/site/prometheus.yml'), {
    'scrape_interval: 30s': 'scrape_interval: 1s\n  scrape_timeout: 1s',
    'evaluation_interval: 30s': 'evaluation_interval: 1s',
    '127.0.0.1:9093': `127.0.0.1:${alertmanagerPort}`,
  })
  return {
    'prometheus.yml': config,
    'gateways/them.json': targets,
    ...Object.fromEntries(rules.map((name) => [name, hurried(shipped(`prometheus/site/${name}`))])),
  }
}

/** Nothing is waited for, and what is compared with ten minutes ago is compared with eight seconds ago. */
function hurried(rules: string): string {
  return rules.replaceAll(/for: \d+[mh]/g, 'for: 0s').replaceAll('offset 10m', 'offset 8s')
}

/** What is sent at once, and not thirty seconds later. */
export function hurriedAlertmanager(): string {
  return changed(shipped('alertmanager/alertmanager.yml'), { 'group_wait: 30s': 'group_wait: 0s' })
}
