// `npm run bench:options [-- --minutes 20]`: what each way to a central Prometheus costs a gateway that cannot be scraped from
// outside: a scrape through a tunnel (SSH), Prometheus in agent mode, and remote write from gatewatch. All at the same
// time, once a minute, each with an agent of its own; a fourth agent is neither scraped nor pushes.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changed, shipped } from '../deploy/shipped.ts'
import { certificates } from '../rig/certificates.ts'
import { countedPort } from '../rig/counted-port.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { freePort } from '../rig/mosquitto.ts'
import { cpuMs, residentMb, rssAnonMb } from '../rig/process-usage.ts'
import { startPrometheusAgent, startPrometheusWith } from '../rig/prometheus.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '20' } } })
const minutes = Number(values.minutes)
const MINUTE = 60_000
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const directory = temporaryDirectory()
const file = (name: string, text: string, mode = 0o600): string => {
  writeFileSync(join(directory, name), text, { mode })
  return join(directory, name)
}
await using systemd = await startSystemd()
for (let i = 1; i <= 12; i++) {
  const restart = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n'
  systemd.writeUnit(`u${i}.service`, `${restart}ExecStart=/bin/sleep infinity\n`)
}
await systemd.daemonReload()
for (let i = 1; i <= 12; i++) await systemd.start(`u${i}.service`)

const authority = certificates(directory)
const { cert, key } = authority.issue('site', 'IP:127.0.0.1')
const tls = { cert: readFileSync(cert), key: readFileSync(key) }
const password_file = file('password', 'correct horse battery staple\n')

const tunnelPort = await freePort()
await using site = await startPrometheusWith({ 'prometheus.yml': siteConfig() }, '--web.enable-remote-write-receiver')
const sitePort = Number(new URL(site.url).port)

const alone = await agentOf('alone', {})
const scraped = await agentOf('scraped', {})
const withPrometheus = await agentOf('prometheus', {})
await using sshPort = await countedPort(await startSshServer())
const tunnel = openTunnel(sshPort.port, new URL(scraped.url).port)
await using prometheusPort = await countedPort(sitePort, tls)
await using prometheus = await startPrometheusAgent(agentConfig())
await using pushPort = await countedPort(sitePort, tls)
const pushing = await agentOf('pushing', {
  remote_write: { url: urlOf(pushPort.port), username: 'gw-7', password_file, ca_file: authority.ca },
})

interface Option {
  readonly name: string
  /** Processes on the gateway, the agent first. */
  readonly pids: readonly number[]
  readonly bytes: () => number
  /** Selects its series at the site. */
  readonly job: string
}
const options: readonly Option[] = [
  { name: 'gatewatch alone', pids: [alone.pid], bytes: () => 0, job: 'none' },
  { name: 'scraped over SSH', pids: [scraped.pid, tunnel], bytes: sshPort.bytes, job: 'tunnel' },
  { name: 'Prometheus agent', pids: [withPrometheus.pid, prometheus.pid], bytes: prometheusPort.bytes, job: 'agent' },
  { name: 'remote_write', pids: [pushing.pid], bytes: pushPort.bytes, job: 'gatewatch' },
]
for (const { job } of options.slice(1)) {
  const series = `systemd_service_state{job="${job}"}`
  await until(() => site.query(series), { what: series, is: ({ length }) => length === 12, timeoutMs: 3 * MINUTE })
}
await sleep(2 * MINUTE)
const read = () => options.map(({ pids, bytes }) => ({ cpu: pids.map(cpuMs), bytes: bytes() }))
const before = read()
for (let i = 0; i < minutes; i++) {
  await sleep(MINUTE)
  await systemd.kill('u1.service', 'SIGKILL')
}
const after = read()
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)
const print = (what: string, of: (option: Option, i: number) => string) =>
  console.log(`${what.padEnd(45)}${options.map((option, i) => of(option, i).padStart(19)).join('')}`)
const day = (perRun: number) => (perRun / minutes) * 24 * 60

print('', ({ name }) => name)
const counts = await Promise.all(
  options.map(async ({ job }) => (await site.query(`count({job="${job}",__name__!~"scrape_.*"})`))[0]?.value[1] ?? '-'),
)
print('series at the site', (_, i) => counts[i] ?? '')
print('anonymous memory, MB', ({ pids }) => sum(pids.map(rssAnonMb)).toFixed(1))
print('  of that, beside gatewatch', ({ pids }) => sum(pids.slice(1).map(rssAnonMb)).toFixed(1))
print('resident memory, MB', ({ pids }) => sum(pids.map(residentMb)).toFixed(1))
print('CPU per minute, ms', (_, i) => ((sum(after[i]?.cpu ?? []) - sum(before[i]?.cpu ?? [])) / minutes).toFixed(1))
print('  of that, beside gatewatch', (_, i) => {
  return ((sum(after[i]?.cpu.slice(1) ?? []) - sum(before[i]?.cpu.slice(1) ?? [])) / minutes).toFixed(1)
})
print('MB per day on the wire, both directions', (_, i) => {
  return (day((after[i]?.bytes ?? 0) - (before[i]?.bytes ?? 0)) / 1e6).toFixed(2)
})
for (const agent of [alone, scraped, withPrometheus, pushing]) await agent.end()
process.kill(tunnel)
removeDirectory(directory)

async function agentOf(name: string, config: object): Promise<Gatewatch> {
  const path = file(`${name}.json`, JSON.stringify({ gateway_id: 'gw-7', ...config }))
  const own = join(directory, name)
  mkdirSync(own)
  const agent = await startGatewatch({
    busAddress: systemd.busAddress,
    services: Array.from({ length: 12 }, (_, i) => `u${i + 1}`),
    directory: own,
    args: ['--config', path],
  })
  process.once('exit', () => void agent.end())
  return agent
}

function urlOf(port: number): string {
  return `https://127.0.0.1:${port}/api/v1/write`
}

/** The end of the tunnel is scraped once a minute. */
function siteConfig(): string {
  const scrape = {
    job_name: 'tunnel',
    scrape_interval: '60s',
    static_configs: [{ targets: [`127.0.0.1:${tunnelPort}`] }],
  }
  return JSON.stringify({ scrape_configs: [scrape] })
}

function agentConfig(): string {
  return changed(shipped('prometheus/agent/prometheus.yml'), {
    'job_name: gatewatch': 'job_name: agent',
    '127.0.0.1:9100': new URL(withPrometheus.url).host,
    'https://SITE/api/v1/write': `${urlOf(prometheusPort.port)}\n    tls_config: { ca_file: ${authority.ca} }`,
    GATEWAY_ID: 'gw-7',
    '/etc/prometheus/site.password': password_file,
  })
}

/** Returns its port. */
async function startSshServer(): Promise<number> {
  mkdirSync('/run/sshd', { recursive: true })
  for (const name of ['host', 'gateway'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)])
  const port = await freePort()
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(directory, 'host')}`,
    `AuthorizedKeysFile ${join(directory, 'gateway.pub')}`,
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    'PermitRootLogin prohibit-password',
    'AllowTcpForwarding remote',
  ]
  const child = spawn('/usr/sbin/sshd', ['-D', '-f', file('sshd_config', `${lines.join('\n')}\n`)], {
    stdio: 'inherit',
  })
  endWithThisProcess(child)
  return port
}

/** Does not keep this process alive. */
function endWithThisProcess(child: ChildProcess): void {
  child.unref()
  process.once('exit', () => child.kill())
}

/** As a gateway behind NAT opens it, with the keep-alives that such a link requires. Returns the pid. */
function openTunnel(port: number, metricsPort: string): number {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'ServerAliveInterval=60',
    'LogLevel=ERROR',
  ]
  const forward = `127.0.0.1:${tunnelPort}:127.0.0.1:${metricsPort}`
  const args = [
    '-N',
    '-R',
    forward,
    '-i',
    join(directory, 'gateway'),
    '-p',
    String(port),
    '-o',
    'ConnectionAttempts=20',
  ]
  const child = spawn('ssh', ['-F', 'none', ...args, ...options.flatMap((one) => ['-o', one]), 'root@127.0.0.1'], {
    stdio: 'inherit',
  })
  endWithThisProcess(child)
  return child.pid ?? 0
}
