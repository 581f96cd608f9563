// Starts Prometheus or Alertmanager for a test, and queries it.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { removeDirectory, temporaryDirectory } from './gatewatch.ts'
import { freePort } from './mosquitto.ts'
import { until } from './until.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export interface Server extends AsyncDisposable {
  readonly pid: number
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly directory: string
}

/** A server with the query API of Prometheus. */
export interface Queryable extends Server {
  /** The result of an instant query; empty while the server does not respond. Rejects if the query is invalid. */
  query(promql: string): Promise<readonly Sample[]>
}

export interface Prometheus extends Queryable {
  /** The last error of the first target; '' if there is none. */
  lastError(): Promise<string>
}

/** `scrapeConfig`: one entry of scrape_configs (JSON is valid YAML); it is scraped every second. */
export async function startPrometheus(scrapeConfig: object): Promise<Prometheus> {
  const job = { job_name: 'gatewatch', scrape_interval: '1s', scrape_timeout: '1s', ...scrapeConfig }
  return startPrometheusWith({ 'prometheus.yml': JSON.stringify({ scrape_configs: [job] }) })
}

/** `files`: the configuration by path: `prometheus.yml` and the files that it refers to. */
export async function startPrometheusWith(
  files: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Prometheus> {
  const server = await startServer('prometheus', files, (directory, address) => [
    `--config.file=${directory}/prometheus.yml`,
    `--storage.tsdb.path=${directory}/data`,
    `--web.listen-address=${address}`,
    ...args,
  ])
  return {
    ...server,
    query: queryOf(server),
    async lastError() {
      const data = (await request(`${server.url}/api/v1/targets`)) as { activeTargets: { lastError: string }[] } | null
      return data?.activeTargets[0]?.lastError ?? ''
    },
  }
}

export function queryOf({ url }: Server): Queryable['query'] {
  return async (promql) => {
    const query = new URLSearchParams({ query: promql })
    const data = (await request(`${url}/api/v1/query`, query)) as { result: Sample[] } | null
    return data?.result ?? []
  }
}

async function request(url: string, body: URLSearchParams | null = null) {
  const response = await fetch(url, { method: body === null ? 'GET' : 'POST', body }).catch(() => null)
  if (response?.status === 400 || response?.status === 422) throw new Error(await response.text())
  return response?.ok ? ((await response.json()) as { data: never }).data : null
}

/** Prometheus in agent mode: it scrapes and writes to another Prometheus, and cannot be queried. */
export function startPrometheusAgent(config: string): Promise<Server> {
  return startServer('prometheus', { 'prometheus.yml': config }, (directory, address) => [
    '--enable-feature=agent',
    `--config.file=${directory}/prometheus.yml`,
    `--storage.agent.path=${directory}/data`,
    `--web.listen-address=${address}`,
  ])
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly status: { readonly state: string; readonly inhibitedBy: readonly string[] }
}

export interface Alertmanager extends Server {
  alerts(): Promise<readonly Alert[]>
}

export async function startAlertmanager(config: string): Promise<Alertmanager> {
  const server = await startServer('prometheus-alertmanager', { 'alertmanager.yml': config }, (directory, address) => [
    `--config.file=${directory}/alertmanager.yml`,
    `--storage.path=${directory}/data`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=', // no clustering
  ])
  return {
    ...server,
    alerts: async () => (await (await fetch(`${server.url}/api/v2/alerts`)).json()) as Alert[],
  }
}

/** Starts a program with its configuration in a temporary directory, on a free port; resolves when `isReady`. */
export async function startServer(
  program: string,
  files: Readonly<Record<string, string>>,
  args: (directory: string, address: string) => readonly string[],
  isReady: (address: string) => boolean | Promise<boolean> = async (address) =>
    (await fetch(`http://${address}/-/ready`)).ok,
): Promise<Server> {
  const directory = temporaryDirectory()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(program, args(directory, address), { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4_000)
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill) // an interrupted test leaves no server behind
  const end = async () => {
    process.off('exit', kill)
    kill()
    await exited
    removeDirectory(directory)
  }
  await until(() => child.exitCode !== null || isReady(address), { what: program, timeoutMs: 60_000 }).catch(() =>
    kill(),
  )
  if (child.exitCode !== null || child.killed) {
    await end()
    throw new Error(`${program} did not become ready: ${stderr}`)
  }
  return { pid: child.pid ?? 0, url: `http://${address}`, directory, [Symbol.asyncDispose]: end }
}
