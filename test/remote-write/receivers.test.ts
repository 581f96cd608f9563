// TLS, passwords, tokens and client certificates of real receivers: Prometheus, VictoriaMetrics, and vmauth in front of it.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hash } from 'bcryptjs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/host/clock.ts'
import { createPost } from '../../src/remote-write/post.ts'
import { type Certificates, certificates } from '../rig/certificates.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Queryable, type Sample, type Server, startServer } from '../rig/prometheus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { startVictoriaMetrics, startVmauth } from '../rig/victoria-metrics.ts'
import { type Gateway, pushClock, remoteWriteConfig, startGateway } from './gateway.ts'

const MINUTE = 60_000

/** Pushes to `config.url`; the clock of the test starts ten minutes ago. */
function pushing(config: Partial<Gateway['config']>) {
  const clock = pushClock({ startMs: 0, wallOffsetMs: Date.now() - 10 * MINUTE })
  const post = createPost(() => remoteWriteConfig(gateway.config), '0.1.0', systemClock)
  const gateway: Gateway = startGateway((body, signal) => post(body, signal), clock, config)
  onTestFinished(() => gateway.agent.stop())
  return { clock, gateway, problem: () => gateway.agent.health().problem }
}

const PROGRAMS = ['prometheus', 'victoria-metrics', 'vmauth', 'openssl', 'curl']

describeUnless(missingPrograms(...PROGRAMS), 'real receivers', () => {
  const directory = temporaryDirectory()
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  let authority: Certificates
  let server: { readonly cert: string; readonly key: string }
  let client: { readonly cert: string; readonly key: string }
  let password_file: string
  const started: Server[] = []
  const keep = <T extends Server>(one: T): T => {
    started.push(one)
    return one
  }

  beforeAll(() => {
    authority = certificates(directory)
    server = authority.issue('server', 'IP:127.0.0.1')
    client = authority.issue('gw-7', 'DNS:gw-7')
    password_file = file('password', 'cöffee mug\n')
  })
  afterAll(async () => {
    for (const one of started) await one[Symbol.asyncDispose]()
    removeDirectory(directory)
  })

  /** As operators query such a server: with curl, the certificates and the password. */
  const queryWithCurl = (url: string, promql: string, ...more: string[]): readonly Sample[] => {
    const user = ['--user', 'gw-7:cöffee mug', '--cacert', authority.ca, ...more]
    const query = ['--data-urlencode', `query=${promql}`, `${url}/api/v1/query`]
    const text = execFileSync('curl', ['--silent', '--show-error', ...user, ...query], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return JSON.parse(text).data.result
  }
  const SAMPLES = 'count_over_time(up{gateway="gw-7"}[1h])'

  test.concurrent('Prometheus with TLS, a password and client certificates: samples wait until all three are right', async () => {
    const web = {
      tls_server_config: {
        cert_file: server.cert,
        key_file: server.key,
        client_auth_type: 'RequireAndVerifyClientCert',
        client_ca_file: authority.ca,
      },
      basic_auth_users: { 'gw-7': await hash('cöffee mug', 4) },
    }
    const withCertificate = ['--cert', client.cert, '--key', client.key]
    const files = { 'prometheus.yml': '{}', 'web.yml': JSON.stringify(web) }
    const isReady = (address: string) => queryWithCurl(`https://${address}`, 'vector(1)', ...withCertificate).length > 0
    const prometheus = keep(
      await startServer(
        'prometheus',
        files,
        (path, address) => [
          `--config.file=${path}/prometheus.yml`,
          `--web.config.file=${path}/web.yml`,
          `--storage.tsdb.path=${path}/data`,
          `--web.listen-address=${address}`,
          '--web.enable-remote-write-receiver',
        ],
        isReady,
      ),
    )
    const { host } = new URL(prometheus.url)
    const { clock, gateway, problem } = pushing({ url: `https://${host}/api/v1/write` })
    const change = async (config: Partial<Gateway['config']>) => {
      gateway.config = { ...gateway.config, ...config }
      gateway.agent.reconfigured()
      await clock.go(MINUTE)
      return problem()
    }
    await clock.go(0)
    expect(problem()).toMatch(/unknown authority; set remote_write.ca_file/)
    expect(await change({ ca_file: authority.ca })).toMatch(/certificate/)
    expect(await change({ cert_file: client.cert, key_file: client.key })).toMatch(/status 401: Unauthorized/)
    expect(await change({ username: 'gw-7', password_file: file('wrong', 'tea') })).toMatch(/status 401: Unauthorized/)
    expect(gateway.agent.health()).toMatchObject({ sent: 0, dropped: { refused: 0 } })
    expect(await change({ password_file })).toBe(null)
    const samples = () => queryWithCurl(`https://${host}`, SAMPLES, ...withCertificate)[0]?.value[1]
    await until(samples, { what: 'all samples', is: (count) => count === '5' })
    expect(gateway.agent.health().pending).toBe(0)
  })

  test.concurrent('VictoriaMetrics with TLS and a password', async () => {
    const access = ['-httpAuth.username=gw-7', '-httpAuth.password=cöffee mug']
    const tls = ['-tls', `-tlsCertFile=${server.cert}`, `-tlsKeyFile=${server.key}`]
    const isReady = (address: string) => queryWithCurl(`https://${address}`, 'vector(1)').length > 0
    const args = (path: string, address: string) => [`-storageDataPath=${path}/data`, `-httpListenAddr=${address}`]
    const more = [...access, ...tls, '-search.latencyOffset=0s', '-search.disableCache', '-memory.allowedBytes=64MB']
    const victoria = keep(await startServer('victoria-metrics', {}, (...at) => [...args(...at), ...more], isReady))
    const url = victoria.url.replace('http:', 'https:')
    const { clock, gateway, problem } = pushing({ url: `${url}/api/v1/write`, ca_file: authority.ca, username: 'gw-7' })
    await clock.go(0)
    expect(problem()).toMatch(/status 401/)
    gateway.config = { ...gateway.config, password_file }
    await clock.go(MINUTE)
    expect(problem()).toBe(null)
    await until(() => queryWithCurl(url, SAMPLES)[0]?.value[1], { what: 'both samples', is: (count) => count === '2' })
  })

  test.concurrent('vmauth, which forwards requests with a known bearer token to VictoriaMetrics', async () => {
    const victoria: Queryable = keep(await startVictoriaMetrics())
    const vmauth = keep(await startVmauth({ users: [{ bearer_token: 'token-of-gw-7', url_prefix: victoria.url }] }))
    const url = `${vmauth.url}/api/v1/write`
    const { clock, gateway, problem } = pushing({ url, token_file: file('wrong-token', 'token-of-gw-8\n') })
    await clock.go(0)
    // This version repeats the wrong token, with status 400, as for bad samples; newer ones respond with 401.
    expect(problem()).toMatch(/status 40[01].*"Bearer \*\*\*"/)
    gateway.config = { ...gateway.config, token_file: file('token', 'token-of-gw-7\n') }
    await clock.go(MINUTE)
    expect(problem()).toBe(null)
    await until(() => victoria.query(SAMPLES), { what: 'a sample', is: ({ length }) => length === 1 })
  })
})
