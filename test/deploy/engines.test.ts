// The examples for clustered engines, which are not run: their files can be parsed, their limits fit the default series, and the
// real vmauth sends pushes where they are meant to go.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { createSelection } from '../../src/metrics/federate/selection.ts'
import { simulatedGateway } from '../fleet/gateway.ts'
import { remoteWriteConfig } from '../remote-write/gateway.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { startVmauth } from '../rig/victoria-metrics.ts'
import { shipped } from './shipped.ts'

/** Of each tenant, as the examples state. */
const GATEWAYS = 10_000
/** Late samples: the longest outage whose samples are sent, and a margin. */
const WINDOW_SECONDS = 3 * 3600

const mimir = parse(shipped('engines/mimir.yaml'))
const thanos = parse(shipped('engines/thanos-limits.yaml')).write
const vmauth = parse(shipped('engines/vmauth.yml'))

async function seriesOfGateway(): Promise<number> {
  const read = simulatedGateway(1)
  const select = createSelection(FAMILIES, async () => read({ monoMs: 86_400_000, wallMs: Date.now() }))
  const { series } = await select(remoteWriteConfig().match)
  return series.length + 1 // and `up`
}

describe('the limits of the examples fit the default series of a gateway with 12 units', () => {
  test('series: half as many again, because units and labels change', async () => {
    const series = GATEWAYS * (await seriesOfGateway())
    expect(mimir.limits.max_global_series_per_user).toBeGreaterThan(1.4 * series)
    expect(thanos.default.head_series_limit).toBeGreaterThan(1.4 * series * mimir.ingester.ring.replication_factor)
  })

  test('samples per second: four times as many, after an outage', async () => {
    const perSecond = (GATEWAYS * (await seriesOfGateway())) / remoteWriteConfig().interval
    expect(mimir.limits.ingestion_rate).toBeGreaterThan(4 * perSecond)
  })

  test('late samples are accepted for as long as a gateway keeps them', () => {
    expect(remoteWriteConfig().backlog).toBeLessThan(WINDOW_SECONDS)
    expect(mimir.limits.out_of_order_time_window).toBe('3h')
    expect(shipped('engines/README.md')).toContain('--tsdb.out-of-order.time-window=3h')
  })
})

test('the hashring of Thanos Receive has as many nodes as replicas', () => {
  const [ring] = JSON.parse(shipped('engines/thanos-hashrings.json'))
  expect(ring.algorithm).toBe('ketama')
  expect(ring.endpoints).toHaveLength(3)
  expect(shipped('engines/README.md')).toContain('--receive.replication-factor=3')
})

describeUnless(missingPrograms('vmauth'), 'vmauth.yml', () => {
  test('a gateway that pushes to /api/v1/write with its password writes into its own account', async () => {
    const paths: string[] = []
    await using server = createServer((request, response) => {
      paths.push(request.url ?? '')
      response.writeHead(204).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const config = JSON.stringify(vmauth).replaceAll(/vm(insert|select)-\d:\d+/g, `127.0.0.1:${port}`)
    await using proxy = await startVmauth(JSON.parse(config))
    const status = async (user: string, path: string) => {
      const headers = { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
      return (await fetch(`${proxy.url}${path}`, { method: 'POST', headers, body: 'x' })).status
    }
    expect(await status('region-1:CHANGE-ME', '/api/v1/write')).toBe(204)
    expect(paths).toEqual(['/insert/1/prometheus/api/v1/write'])
    expect(await status('region-1:wrong', '/api/v1/write')).not.toBe(204)
    expect(await status('region-1:CHANGE-ME', '/api/v1/query')).not.toBe(204)
    expect(paths).toHaveLength(1)
  })
})
