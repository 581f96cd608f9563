// `npm run bench:executables`: prints the table of executables in build/README.md. Memory is measured only for the native
// architecture, because emulation needs memory of its own.
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Arch, ROOT, runnable, TARGETS } from '../build/executable.ts'
import { cpuMs, residentMb, rssAnonMb } from '../rig/process-usage.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

const SCRAPES = 3000
const UNITS = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const mb = (path: string) => (existsSync(path) ? `${(statSync(path).size / 1e6).toFixed(1)} MB` : '-')
const memory = (pid: number) => `${residentMb(pid).toFixed(0)} / ${rssAnonMb(pid).toFixed(0)}`
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

await using systemd = await startSystemd()
for (const unit of UNITS) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
await systemd.daemonReload()
for (const unit of UNITS) await systemd.start(unit)

console.log(
  '| target | Node.js | supported until | on disk | .tar.xz | exec to ready | VmRSS / RssAnon idle, MB | after 3,000 scrapes |',
)
console.log('|---|---|---|---|---|---|---|---|')
for (const arch of Object.keys(TARGETS) as Arch[]) console.log(`| ${(await row(arch, systemd)).join(' | ')} |`)

async function row(arch: Arch, { busAddress, shareDir }: Systemd): Promise<string[]> {
  const executable = join(ROOT, 'dist', `gatewatch-linux-${arch}`)
  const { node } = JSON.parse(readFileSync(join(ROOT, 'dist', `.gatewatch-linux-${arch}.json`), 'utf8'))
  process.env['GATEWATCH_BINARY'] = runnable(arch, executable, shareDir)
  // The rig reads GATEWATCH_BINARY when it is loaded, so each target loads it again.
  const { removeDirectory, startGatewatch } = (await import(
    `../rig/gatewatch.ts?${arch}`
  )) as typeof import('../rig/gatewatch.ts')
  const from = performance.now()
  const agent = await startGatewatch({ busAddress, services: UNITS }, false)
  await until(() => agent.get('/-/ready'), {
    what: 'the agent to be ready',
    is: (r) => r.status === 200,
    timeoutMs: 180_000,
  })
  const readyMs = performance.now() - from
  const readyCpuMs = cpuMs(agent.pid)
  const native = arch === 'x64'
  let idle = '-'
  let loaded = '-'
  if (native) {
    await sleep(5_000)
    idle = memory(agent.pid)
    for (let i = 0; i < SCRAPES; i++) await agent.get('/metrics')
    loaded = memory(agent.pid)
  }
  await agent.end()
  removeDirectory(agent.directory)
  rmSync(join(shareDir, `gatewatch-${arch}`), { force: true })
  const ready = `${readyMs.toFixed(0)} ms (CPU ${readyCpuMs} ms${native ? '' : ', emulated'})`
  const packed = mb(join(ROOT, 'dist', `gatewatch-${version}-linux-${arch}.tar.xz`))
  return [arch, node.version, node.supportEnds ?? '-', mb(executable), packed, ready, idle, loaded]
}
