// Starts a real Prometheus for a test, and asks it.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { removeDirectory, temporaryDirectory } from './gatewatch.ts'
import { until } from './until.ts'

export interface Found {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export interface Prometheus extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** The series of an instant query; none while it does not answer. */
  query(promql: string): Promise<readonly Found[]>
  /** What it last said of a target that it could not scrape. */
  lastError(): Promise<string>
}

/** `scrapeConfig`: one entry of scrape_configs, as JSON, which is YAML too; it scrapes every second. */
export async function startPrometheus(scrapeConfig: object): Promise<Prometheus> {
  const directory = temporaryDirectory()
  const job = { job_name: 'gatewatch', scrape_interval: '1s', scrape_timeout: '1s', ...scrapeConfig }
  writeFileSync(join(directory, 'prometheus.yml'), JSON.stringify({ scrape_configs: [job] }))
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=${url.slice('http://'.length)}`,
    ],
    { stdio: 'ignore' },
  )
  const gone = new Promise((resolve) => child.once('exit', resolve))
  const end = async () => {
    child.kill('SIGKILL')
    await gone
    removeDirectory(directory)
  }
  const ask = async (path: string) => {
    const answer = await fetch(url + path).catch(() => null)
    return answer?.ok ? ((await answer.json()) as { data: never }).data : null
  }
  await until(
    () =>
      fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    {
      what: 'Prometheus',
      timeoutMs: 60_000,
    },
  ).catch(async (error: Error) => {
    await end()
    throw error
  })
  return {
    url,
    async query(promql) {
      const data = (await ask(`/api/v1/query?query=${encodeURIComponent(promql)}`)) as { result: Found[] } | null
      return data?.result ?? []
    },
    async lastError() {
      const data = (await ask('/api/v1/targets')) as { activeTargets: { lastError: string }[] } | null
      return data?.activeTargets[0]?.lastError ?? ''
    },
    [Symbol.asyncDispose]: end,
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
