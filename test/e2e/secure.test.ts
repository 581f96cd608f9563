// The built agent with TLS and a password: Prometheus can scrape and federate it only with the right credentials.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareSync, hashSync } from 'bcryptjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificates } from '../rig/certificates.ts'
import { type Gatewatch, gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { cpuMs } from '../rig/process-usage.ts'
import { startPrometheus } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const NO_BUS = 'unix:path=/no/such/bus'

describeUnless(missingPrograms('prometheus', 'openssl'), 'the agent with TLS and a password', () => {
  const directory = temporaryDirectory()
  const { ca, issue } = certificates(directory)
  let agent: Gatewatch
  let scrape: object

  beforeAll(async () => {
    const { cert, key } = issue('server', 'IP:127.0.0.1')
    const web = join(directory, 'web.yml')
    const tls = `tls_server_config:\n  cert_file: ${cert}\n  key_file: ${key}\n`
    writeFileSync(web, `${tls}basic_auth_users:\n  prom: ${hashSync('secret', 10)}\n`)
    const env = { GATEWATCH_WEB_CONFIG_FILE: web }
    agent = await startGatewatch({ directory, busAddress: NO_BUS, services: ['a', 'b'], env }, false)
    scrape = {
      scheme: 'https',
      scrape_interval: '2s',
      // The first request computes the bcrypt hash, in slices between other work.
      scrape_timeout: '2s',
      tls_config: { ca_file: ca },
      basic_auth: { username: 'prom', password: 'secret' },
      static_configs: [{ targets: [agent.url.slice('http://'.length)] }],
    }
  })
  afterAll(async () => {
    await agent.end()
    removeDirectory(directory)
  })

  test('can be scraped', async () => {
    await using prometheus = await startPrometheus(scrape)
    const samples = await until(() => prometheus.query('systemd_service_state'), {
      what: 'a scrape',
      is: ({ length }) => length > 0,
      timeoutMs: 60_000,
    })
    expect(samples.map(({ metric }) => metric['service']).sort()).toEqual(['a.service', 'b.service'])
  })

  test('can be federated', async () => {
    const match = { 'match[]': ['{__name__=~"systemd_.+_total",service="a.service"}'] }
    await using prometheus = await startPrometheus({
      ...scrape,
      metrics_path: '/federate',
      params: match,
      honor_labels: true,
    })
    const samples = await until(() => prometheus.query('{service!=""}'), {
      what: 'series',
      is: ({ length }) => length > 0,
      timeoutMs: 60_000,
    })
    expect(samples.map(({ metric }) => metric['__name__']).sort()).toEqual(
      ['crashes', 'restarts', 'starts', 'stops'].map((what) => `systemd_service_${what}_total`),
    )
  })

  test('cannot be scraped with a wrong password', async () => {
    await using prometheus = await startPrometheus({ ...scrape, basic_auth: { username: 'prom', password: 'other' } })
    const error = await until(() => prometheus.lastError(), {
      what: 'a refusal',
      is: (message) => message !== '',
      timeoutMs: 60_000,
    })
    expect(error).toMatch(/401 Unauthorized|deadline exceeded/)
    expect(await prometheus.query('systemd_service_state')).toEqual([])
  })
})

test('the first check of a password costs about as much as in a process with the optimising compiler', async () => {
  const directory = temporaryDirectory()
  const web = join(directory, 'web.yml')
  const hash = hashSync('secret', 11)
  writeFileSync(web, `basic_auth_users: {prom: ${hash}}\n`)
  const env = { GATEWATCH_WEB_CONFIG_FILE: web }
  const agent = await startGatewatch({ directory, busAddress: NO_BUS, services: ['a'], env }, false)
  const ownBefore = process.cpuUsage()
  compareSync('secret', hash)
  const own = process.cpuUsage(ownBefore)
  const agentBefore = cpuMs(agent.pid)
  const headers = { authorization: `Basic ${Buffer.from('prom:secret').toString('base64')}` }
  const { status } = await fetch(`${agent.url}/-/healthy`, { headers })
  const took = cpuMs(agent.pid) - agentBefore
  await agent.end()
  removeDirectory(directory)
  expect(status).toBe(200)
  // Without the compiler it is 12 times as much.
  expect(took).toBeLessThan((4 * (own.user + own.system)) / 1000 + 50)
})

test('an invalid web_config_file is an error with its position in a terminal, and check-config reports it too', () => {
  const directory = temporaryDirectory()
  const web = join(directory, 'web.yml')
  writeFileSync(web, 'basic_auth_user:\n  prom: x\n')
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ web_config_file: web, prometheus_port: 0 }))
  const { code, stderr } = gatewatch(
    ...['run', '--config', join(directory, 'config.json'), '--bus', NO_BUS],
    ...['-p', join(directory, 's.ring'), '--socket', join(directory, 'gw.sock')],
  )
  const checked = gatewatch('check-config', join(directory, 'config.json'))
  removeDirectory(directory)
  expect([code, stderr]).toEqual([1, expect.stringContaining(`${web}:1:1: unknown field "basic_auth_user"`)])
  expect([checked.code, checked.stderr]).toEqual([
    2,
    expect.stringMatching(/^error: .*config\.json:1:20: web_config_file: .*web\.yml:1:1: unknown field/m),
  ])
})
