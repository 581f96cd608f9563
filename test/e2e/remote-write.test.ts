// The built agent pushes over remote write: from the start to a clean stop, through an outage, a kill and a reload.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { createReceiver, type Receiver } from '../remote-write/receiver.ts'
import { gatewatch } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

const unit = useRunningUnit()

let receiver: Receiver
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => void chunks.push(chunk))
  request.on('end', async () => {
    const { status, body } = await receiver.post(Buffer.concat(chunks), new AbortController().signal)
    response.writeHead(status).end(body)
  })
})
let url: string
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/write`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const STARTS = ['systemd_service_starts_total', { service: 'runs.service' }] as const
const lastStarts = () => receiver.samples(...STARTS).at(-1)?.[1]

test('through an outage and a kill of the agent, counters go on, and a clean stop ends up', async () => {
  receiver = createReceiver()
  const file = join(unit.directory(), 'config.json')
  const configure = (remote_write: Json) => writeFileSync(file, JSON.stringify({ flush_interval: 1, remote_write }))
  const args = ['--config', file, '--gateway-id', 'gw-7']
  configure({ url, interval: 1 })
  let agent = await unit.start({ args })
  await until(lastStarts, { what: 'a push with the start of the unit', is: (value) => value === 1 })
  expect(receiver.samples('up', { job: 'gatewatch', instance: 'gw-7', gateway: 'gw-7' })[0]?.[1]).toBe(1)
  expect(await agent.metric('gatewatch_health{check="remote_write"}')).toBe(1)
  expect(await agent.metric('gatewatch_remote_write_samples_total')).toBeGreaterThan(0)
  expect(await agent.metric('gatewatch_remote_write_samples_dropped_total{reason="too_old"}')).toBe(0)
  const since = Date.now() / 1000 - Number(await agent.metric('gatewatch_remote_write_last_success_timestamp_seconds'))
  expect(Math.abs(since)).toBeLessThan(60)

  receiver.respond = () => ({ status: 503, body: 'over capacity' })
  await until(() => agent.metric('gatewatch_health{check="remote_write"}'), {
    what: 'the check to fail',
    is: (v) => v === 0,
  })
  expect(await agent.metric('gatewatch_remote_write_samples_failed_total')).toBeGreaterThan(0)
  await until(() => agent.metric('gatewatch_remote_write_samples_pending'), {
    what: 'samples to wait',
    is: (v) => v !== 0,
  })
  const ready = await agent.get('/-/ready')
  expect([ready.status, ready.body]).toEqual([200, expect.stringContaining('status 503: over capacity')])
  const status = gatewatch('status', '--socket', agent.socket)
  expect(status.stdout).toContain('degraded\n  remote_write: cannot push to')
  expect((await agent.getJson('/api/v1/status'))['remote_write']).toMatchObject({ problem: expect.anything() })

  await unit.systemd().restart('runs.service')
  await until(() => agent.metric('systemd_service_starts_total{service="runs.service"}'), {
    what: 'the restart to be counted and committed',
    is: (v) => v === 2,
  })
  await agent.end('SIGKILL')
  receiver.respond = () => ({ status: 204 })
  agent = await unit.start({ args })
  await until(lastStarts, { what: 'the counter to continue', is: (value) => value === 2 })

  // A reload changes labels and selectors; the series of before end.
  configure({ url, interval: 1, labels: { gateway: 'hall-3' }, match: ['systemd_service_starts_total'] })
  process.kill(agent.pid, 'SIGHUP')
  const atHall = () => receiver.samples(STARTS[0], { gateway: 'hall-3' }).at(-1)?.[1]
  await until(atHall, { what: 'a push with the new labels', is: (value) => value === 2 })
  expect(receiver.samples('up', { gateway: 'gw-7' }).at(-1)?.[1]).toBe(null)
  expect(receiver.samples('gatewatch_build_info').at(-1)?.[1]).toBe(null)

  expect(await agent.end()).toBe(0)
  expect(receiver.samples('up', { gateway: 'hall-3' }).at(-1)?.[1]).toBe(null)
  expect(atHall()).toBe(2)
})

test('it is off by default, and after a reload that removes it', async () => {
  receiver = createReceiver()
  const file = join(unit.directory(), 'config.json')
  writeFileSync(file, JSON.stringify({ remote_write: { url, interval: 1 } }))
  const agent = await unit.start({ args: ['--config', file] })
  await until(() => receiver.requests.length > 1, { what: 'a push' })
  writeFileSync(file, '{}')
  process.kill(agent.pid, 'SIGHUP')
  await until(() => agent.get('/metrics'), {
    what: 'the metrics to end',
    is: ({ body }) => !body.includes('remote_write'),
  })
  expect(receiver.samples('up').at(-1)?.[1]).toBe(null)
  const { length } = receiver.requests
  expect((await agent.getJson('/api/v1/status'))['remote_write']).toBe(null)
  await new Promise((resolve) => setTimeout(resolve, 1_500)) // more than one interval
  expect(receiver.requests).toHaveLength(length)
})

test('check-config names a selector that cannot be used, and its place', () => {
  const file = join(unit.directory(), 'config.json')
  writeFileSync(file, JSON.stringify({ remote_write: { match: ['up', 'up{a=}', '{a=~"("}'] } }))
  const { code, stderr } = gatewatch('check-config', file)
  expect(code).toBe(2)
  expect(stderr).toMatch(/config\.json:1:\d+: remote_write\.match: "up\{a=\}": character 6: expected a string/)
  expect(stderr).toMatch(/config\.json:1:\d+: remote_write\.match: .*\(/)
})
