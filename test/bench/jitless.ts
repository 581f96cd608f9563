// `npm run bench:jitless`: what the agent would cost without V8's compilers (`--jitless`), which MemoryDenyWriteExecute=
// requires, as the script and as the executable for x64: alternately with the agent as it is, so that the ratios hold on a busy
// machine.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { mustBuild, ROOT } from '../build/executable.ts'
import { BINARY, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { cpuMs, median, rssAnonMb } from '../rig/process-usage.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'
import { crashesCounted, killRepeatedly } from './kill-repeatedly.ts'

const { baseOf } = await import(join(ROOT, 'build/executable/base.mjs'))
const { flagsFor, makeExecutable } = await import(join(ROOT, 'build/executable/make.mjs'))

const ROUNDS = 3
const SCRAPES = 100
const KILLS = 60
const PASSWORDS = 3
const BCRYPT_COST = 10
/** Between two scrapes: clients share a scrape that began at most 100 ms ago. */
const SCRAPE_EVERY_MS = 110
const UNIT =
  '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\nExecStart=/bin/sleep infinity\n'
const UNITS = Array.from({ length: 12 }, (_, i) => `u${i + 1}.service`)

interface Variant {
  readonly name: string
  readonly binary: string
  readonly nodeArgs: readonly string[]
}
type Costs = Record<
  'CPU to ready, ms' | 'CPU per scrape, ms' | 'CPU per crash, ms' | 'CPU per password, ms' | 'RssAnon, MB',
  number
>

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`prom:${password}`).toString('base64')}` })

const directory = mkdtempSync(join(tmpdir(), 'gw-jitless-'))
const webConfig = join(directory, 'web.yml')
writeFileSync(webConfig, `basic_auth_users:\n  prom: ${hashSync('secret', BCRYPT_COST)}\n`)
await using systemd = await startSystemd()
for (const unit of UNITS) systemd.writeUnit(unit, UNIT)
await systemd.daemonReload()
for (const unit of UNITS) await systemd.start(unit)

try {
  mustBuild({}, '--target', 'x64')
  const executable = join(ROOT, 'dist/gatewatch-linux-x64')
  await compare('script', { binary: BINARY, nodeArgs: [] }, { binary: BINARY, nodeArgs: ['--jitless'] })
  await compare('executable', { binary: executable, nodeArgs: [] }, { binary: await buildJitless(), nodeArgs: [] })
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function compare(name: string, today: Omit<Variant, 'name'>, jitless: Omit<Variant, 'name'>): Promise<void> {
  const costs: [Costs[], Costs[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    costs[0].push(await measure({ ...today, name }))
    costs[1].push(await measure({ ...jitless, name: `${name}, jitless` }))
  }
  console.log(`| ${name} | today | --jitless | ratio |\n|---|---|---|---|`)
  for (const what of Object.keys(costs[0][0] ?? {}) as (keyof Costs)[]) {
    const [now, then] = costs.map((runs) => median(runs.map((run) => run[what]))) as [number, number]
    console.log(`| ${what} | ${now.toFixed(1)} | ${then.toFixed(1)} | ${(then / now).toFixed(1)} |`)
  }
}

async function measure({ name, binary, nodeArgs }: Variant): Promise<Costs> {
  const home = temporaryDirectory()
  const env = { GATEWATCH_WEB_CONFIG_FILE: webConfig }
  const agent = await startGatewatch(
    { busAddress: systemd.busAddress, services: UNITS, directory: home, binary, nodeArgs, env },
    false,
  )
  const get = (password: string) => fetch(`${agent.url}/metrics`, { headers: basic(password) }).then((r) => r.text())
  try {
    await until(() => agent.getJson('/api/v1/units/u12.service'), {
      what: `${name} to have read the units`,
      is: (unit) => unit['active_state'] === 'active',
    })
    const ready = cpuMs(agent.pid)
    await get('secret')
    const perScrape = await cpuPer(SCRAPES, agent.pid, async () => {
      await get('secret')
      await sleep(SCRAPE_EVERY_MS)
    })
    const before = cpuMs(agent.pid)
    await killRepeatedly(systemd, 'u1.service', KILLS)
    await crashesCounted(agent, 'u1.service', KILLS)
    const perCrash = (cpuMs(agent.pid) - before) / KILLS
    let wrong = 0
    const perPassword = await cpuPer(PASSWORDS, agent.pid, () => get(`wrong ${wrong++}`))
    return {
      'CPU to ready, ms': ready,
      'CPU per scrape, ms': perScrape,
      'CPU per crash, ms': perCrash,
      'CPU per password, ms': perPassword,
      'RssAnon, MB': rssAnonMb(agent.pid),
    }
  } finally {
    await agent.end()
    removeDirectory(home)
  }
}

async function cpuPer(times: number, pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = cpuMs(pid)
  for (let i = 0; i < times; i++) await work()
  return (cpuMs(pid) - before) / times
}

/** The executable for x64 with `--jitless` in place of the flags that limit the compilers. */
async function buildJitless(): Promise<string> {
  const base = baseOf('x64', undefined, () => {})
  const flags = [...flagsFor(base.version).filter((flag: string) => !/^--no-(opt|maglev)$/.test(flag)), '--jitless']
  const work = join(directory, 'work')
  const bundle = ['build/bundle.mjs', '--quiet', '--target', 'linux-x64', '--out', join(work, 'gatewatch.cjs')]
  execFileSync(process.execPath, bundle, { cwd: ROOT })
  const to = join(directory, 'gatewatch-jitless')
  await makeExecutable({ arch: 'x64', base, work, to, signal: new AbortController().signal, flags })
  return to
}
