// The push to StatsD: the metrics as lines, in datagrams to a real socket.
import { createSocket } from 'node:dgram'
import { expect, test } from 'vitest'
import type { Family } from '../../src/metrics/family.ts'
import { createStatsdPush } from '../../src/metrics/statsd.ts'
import { datagrams, statsdLines } from '../../src/metrics/statsd-lines.ts'
import { until } from '../rig/until.ts'
import { clock } from '../systemd/clock.ts'
import { scrapeInput } from './scrape-inputs.ts'

const FAMILIES: readonly Family[] = [
  {
    ...{ name: 'starts_total', type: 'counter', help: '' },
    samples: () => [{ labels: { service: 'a|b,c.service', result: '' }, value: 3 }],
  },
  { ...{ name: 'state', type: 'gauge', help: '' }, samples: () => [{ labels: {}, value: -1 }] },
  {
    ...{ name: 'seconds', type: 'histogram', help: '' },
    samples: () => [
      { suffix: '_bucket', labels: { le: '+Inf' }, value: 2 },
      { suffix: '_sum', labels: {}, value: 0.5 },
      { suffix: '_count', labels: {}, value: 2 },
    ],
  },
]

test('every sample is an absolute gauge with its labels as tags, a negative one after 0', () => {
  expect(statsdLines(FAMILIES, scrapeInput([]))).toEqual([
    'starts_total:3|g|#service:a_b_c.service',
    'state:0|g\nstate:-1|g',
    'seconds_sum:0.5|g',
    'seconds_count:2|g',
  ])
})

test('datagrams contain whole lines and fit into one Ethernet frame', () => {
  const lines = Array.from({ length: 100 }, (_, i) => `unit_${i}:1|g|#service:${'x'.repeat(i)}.service`)
  const packed = datagrams(lines)
  expect(packed.join('\n').split('\n')).toEqual(lines)
  expect(Math.max(...packed.map((packet) => packet.length))).toBeLessThanOrEqual(1432)
  expect(packed.length).toBeLessThan(10)
  expect(datagrams(['y'.repeat(2000)])).toEqual([])
})

test('metrics arrive; a failure is logged once, and its end too', async () => {
  const received: string[] = []
  const server = createSocket('udp4').on('message', (packet) => received.push(String(packet)))
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  const good = `127.0.0.1:${server.address().port}`
  const logged: string[] = []
  let address: string | null = null
  const push = createStatsdPush({
    address: () => address,
    lines: async () => ['a:1|g', 'b:2|g'],
    everyMs: () => 5,
    clock,
    log: (level, message) => logged.push(`${level} ${message}`),
  })
  const logLines = (count: number) => until(() => logged.length >= count, { what: `${count} log lines` })
  address = '255.255.255.255:8125'
  await logLines(1)
  address = good
  await logLines(2)
  await until(() => received.length > 2, { what: 'datagrams' })
  await push.stop()
  server.close()
  expect(received[0]).toBe('a:1|g\nb:2|g')
  expect(logged).toEqual([
    'warning statsd: cannot send metrics to 255.255.255.255:8125 (EACCES)',
    `info statsd: sending metrics to ${good} works again`,
  ])
})
