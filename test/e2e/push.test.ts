// The running agent pushes the metrics of a scrape to StatsD.
import { createSocket } from 'node:dgram'
import { expect, it } from 'vitest'
import { removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'

it('the metrics of /metrics are sent to statsd.address every stats_interval', async () => {
  let received = ''
  const server = createSocket('udp4').on('message', (packet) => {
    received += `${packet}\n`
  })
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  const directory = temporaryDirectory()
  const agent = await startGatewatch(
    {
      directory,
      busAddress: 'unix:path=/nowhere',
      services: ['a', 'b'],
      args: ['--stats-interval', '1'],
      env: { GATEWATCH_STATSD_ADDRESS: `127.0.0.1:${server.address().port}` },
    },
    false,
  )
  await until(() => received.includes('process_'), { what: 'a push' })
  const scraped = (await agent.get('/metrics')).body
  expect(await agent.end()).toBe(0)
  server.close()
  removeDirectory(directory)
  const names = (text: string) =>
    [...new Set(text.match(/^[a-z_]+/gm))].filter((name) => !/_bucket$|_http_/.test(name)).sort()
  const pushed = names(received)
  expect(names(scraped).filter((name) => !pushed.includes(name))).toEqual([])
  expect(received).toContain('systemd_service_starts_total:0|g|#service:b.service\n')
  expect(received).toContain('gatewatch_bus_connected:0|g\n')
})
