// Prints the README's table of executables: `npm run bench:executables`. Memory only natively: emulation has its own.
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Arch, ROOT, runnable, TARGETS } from '../build/executable.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

const SCRAPES = 3000
const UNITS = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const mb = (path: string) => (existsSync(path) ? `${(statSync(path).size / 1e6).toFixed(1)} MB` : '-')
const memory = (pid: number) =>
  ['VmRSS', 'RssAnon']
    .map((field) => {
      const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      return (Number(kb) / 1024).toFixed(0)
    })
    .join(' / ')
/** CPU time so far: utime and stime of proc(5), in ticks of 10 ms. */
const cpuMs = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

await using systemd = await startSystemd()
for (const unit of UNITS) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
await systemd.daemonReload()
for (const unit of UNITS) await systemd.start(unit)

console.log(
  '| target | Node | supported until | on disk | .tar.xz | exec to ready | idle, VmRSS / RssAnon, MB | after 3,000 scrapes |',
)
console.log('|---|---|---|---|---|---|---|---|')
for (const arch of Object.keys(TARGETS) as Arch[]) console.log(`| ${(await row(arch, systemd)).join(' | ')} |`)

async function row(arch: Arch, { busAddress, shareDir }: Systemd): Promise<string[]> {
  const executable = join(ROOT, 'dist', `gatewatch-linux-${arch}`)
  const { node } = JSON.parse(readFileSync(join(ROOT, 'dist', `.gatewatch-linux-${arch}.json`), 'utf8'))
  process.env['GATEWATCH_BINARY'] = runnable(arch, executable, shareDir)
  // The rig reads at its start which program it runs: one rig a target.
  const { removeDirectory, startGatewatch } = (await import(
    `../rig/gatewatch.ts?${arch}`
  )) as typeof import('../rig/gatewatch.ts')
  const from = performance.now()
  const agent = await startGatewatch({ busAddress, services: UNITS }, false)
  await until(() => agent.get('/-/ready'), { what: 'it to be ready', is: (r) => r.status === 200, timeoutMs: 180_000 })
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
