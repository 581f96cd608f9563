// A real Prometheus scrapes us, in OpenMetrics, as it prefers, and finds every series.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { reading, runs, unit } from './readings.ts'

interface Answer {
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[]
  }
}

test('a real Prometheus takes every series', async (context) => {
  if (spawnSync('prometheus', ['--version']).error) context.skip('prometheus is not installed')
  const { process: _, ...facts } = reading([runs('a.service'), unit('dev-disk-by\\x2dlabel-data.mount')])
  const scrape = createMetrics(async () => ({ ...facts, now: { ...facts.now, wallMs: Date.now() } }))
  const accepted: string[] = []
  const target = createServer(async (request, response) => {
    accepted.push(request.headers.accept ?? '')
    const { type, body } = await scrape(request.headers.accept ?? '')
    response.setHeader('content-type', type).end(body)
  })
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void target.close())
  const query = await prometheusOf((target.address() as AddressInfo).port)

  await expect.poll(async () => (await query('up')).data.result[0]?.value[1], { timeout: 20_000 }).toBe('1')
  expect(accepted[0]).toContain('application/openmetrics-text')
  const scraped = Number((await query('scrape_samples_scraped')).data.result[0]?.value[1])
  const series = (await scrape('')).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(scraped).toBe(series.length)
  const starts = (await query('systemd_service_starts_total')).data.result
  expect(starts.map(({ metric, value }) => [metric['service'], value[1]])).toEqual(
    expect.arrayContaining([
      ['a.service', '1'],
      ['dev-disk-by\\x2dlabel-data.mount', '0'],
    ]),
  )
})

/** Starts one that scrapes `port` every second; gives its query function. */
async function prometheusOf(port: number): Promise<(promql: string) => Promise<Answer>> {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-prometheus-'))
  writeFileSync(
    join(directory, 'prometheus.yml'),
    `scrape_configs: [{job_name: gatewatch, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ['127.0.0.1:${port}']}]}]`,
  )
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const own = (probe.address() as AddressInfo).port
  await new Promise((resolve) => probe.close(resolve))
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${own}`,
    ],
    { stdio: 'ignore' },
  )
  const gone = new Promise((resolve) => prometheus.once('exit', resolve))
  onTestFinished(async () => {
    prometheus.kill('SIGKILL')
    await gone
    rmSync(directory, { recursive: true, force: true })
  })
  return async (promql) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${own}/api/v1/query?query=${encodeURIComponent(promql)}`)
      return (await answer.json()) as Answer
    } catch {
      return { data: { result: [] } }
    }
  }
}
