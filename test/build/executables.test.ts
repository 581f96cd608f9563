// The standalone executables: each is tested with a real systemd and a real broker, and requires only the documented libraries.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Gatewatch } from '../rig/gatewatch.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type Arch, HIGHEST_GLIBC, mustBuild, noBuild, ROOT, readelf, runnable, TARGETS } from './executable.ts'
import { VERSION } from './gateway-root.ts'

const ARCHS = Object.keys(TARGETS) as Arch[]
/** For an emulator on a busy machine. */
const SLOW_MS = 180_000
const LINE = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - \[(INFO|WARNING|ERROR|DEBUG)\] .*)?$/

describeUnless(noBuild() ?? noSystemd() ?? missingPrograms(...MOSQUITTO), 'executables', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-exe-'))
  const executable = (arch: Arch) => join(ROOT, 'dist', `gatewatch-linux-${arch}`)
  let systemd: Systemd
  let broker: Mosquitto

  beforeAll(async () => {
    mustBuild({})
    systemd = await startSystemd()
    broker = await startMosquitto()
  }, 900_000)
  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]()
    await systemd?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  describe.each(ARCHS)('%s', (arch) => {
    it('reports its version, and writes nothing to stderr', { timeout: SLOW_MS }, () => {
      const { status, stdout, stderr } = spawnSync(runnable(arch, executable(arch), directory), ['version', '--json'], {
        encoding: 'utf8',
      })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const { bases, support_ends } = JSON.parse(readFileSync(join(ROOT, 'build/bases.json'), 'utf8'))
      const { version } = bases[arch]
      expect(JSON.parse(stdout)).toEqual({
        version: VERSION,
        revision: expect.stringMatching(/^([0-9a-f]{12}(-dirty)?|unknown)$/),
        node_version: version,
        target: `linux-${arch}`,
        node_supported_until: support_ends[version.split('.')[0]],
        node_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        node_end_of_life_allowed: false,
      })
    })

    it('does not run what NODE_OPTIONS names, from Node.js 24 on', { timeout: SLOW_MS }, () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'build/bases.json'), 'utf8')).bases[arch]
      const foreign = join(directory, 'foreign.cjs')
      writeFileSync(foreign, 'console.error("foreign code")')
      const { stdout, stderr } = spawnSync(runnable(arch, executable(arch), directory), ['version'], {
        encoding: 'utf8',
        env: { NODE_OPTIONS: `--require=${foreign}` },
      })
      expect(stdout).toMatch(/^gatewatch /)
      expect(stderr).toBe(Number(version.split('.')[0]) >= 24 ? '' : 'foreign code\n')
    })

    it('is for the right CPU and links only to the documented libraries and glibc version', () => {
      const file = executable(arch)
      expect(readelf('-h', file)).toMatch(new RegExp(`Machine:\\s+${TARGETS[arch].elf}\n`))
      const dynamic = readelf('-d', file)
      expect([...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((found) => found[1]).sort()).toEqual(
        TARGETS[arch].needed,
      )
      expect(dynamic).not.toMatch(/RPATH|RUNPATH|TEXTREL/)
      const glibc = [...readelf('-V', file).matchAll(/GLIBC_(2\.\d+)/g)].map((found) => Number(found[1]?.slice(2)))
      expect(Math.max(...glibc)).toBeLessThanOrEqual(Number(HIGHEST_GLIBC.slice(2)))
      if (arch === 'armv7')
        expect(readelf('-A', file)).toMatch(/Tag_CPU_arch: v7\n[\s\S]*Tag_ABI_VFP_args: VFP registers/)
    })

    it('counts a crash, stores it, exports it, publishes it, and stops cleanly', { timeout: 900_000 }, async () => {
      vi.stubEnv('GATEWATCH_BINARY', runnable(arch, executable(arch), directory))
      vi.resetModules() // the rig reads GATEWATCH_BINARY when it is loaded
      const { removeDirectory, startGatewatch, temporaryDirectory } = await import('../rig/gatewatch.ts')
      const unit = `${arch}.service`
      systemd.writeUnit(
        unit,
        '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\nRestart=always\n',
      )
      await systemd.daemonReload()
      await systemd.start(unit)
      const home = temporaryDirectory()
      const crashes = `systemd_service_crashes_total{service="${unit}"}`
      const start = () =>
        startGatewatch(
          {
            busAddress: systemd.busAddress,
            services: [unit],
            directory: home,
            args: ['--mqtt', broker.url, '--gateway-id', `gw-${arch}`],
            // As in a systemd service: the agent then runs systemd-notify when it is ready.
            env: { NOTIFY_SOCKET: join(systemd.runDir, 'systemd/notify') },
          },
          false,
        )
      const ready = (agent: Gatewatch) =>
        until(() => agent.get('/-/ready'), {
          what: 'the agent to be ready',
          is: (r) => r.status === 200,
          timeoutMs: SLOW_MS,
        })
      await using subscriber = await broker.subscribe(`gatewatch/gw-${arch}/#`)
      const from = performance.now()
      let agent = await start()
      await ready(agent)
      const readyMs = performance.now() - from
      try {
        await until(() => agent.metric(crashes.replace('crashes', 'starts')), {
          what: 'the start of the unit to be counted',
          is: (n) => n === 1,
          timeoutMs: SLOW_MS,
        })
        await systemd.kill(unit, 'KILL', 'main')
        await until(() => agent.metric(crashes), { what: 'the crash', is: (n) => n === 1, timeoutMs: SLOW_MS })
        await until(() => subscriber.received.find(({ topic }) => topic.endsWith('/event/crash')), {
          what: 'the crash at the subscriber',
          is: (message) => message?.payload.includes('"signal":"SIGKILL"') === true,
          timeoutMs: SLOW_MS,
        })
        expect(await agent.end()).toBe(0)
        const first = agent.stderr()
        agent = await start()
        await ready(agent)
        expect(await agent.metric(crashes)).toBe(1)
        expect(await agent.metric(crashes.replace('_total', '_historical'))).toBe(1)
        expect(await agent.end()).toBe(0)
        const log = `${first}${agent.stderr()}`
        expect(log.split('\n').filter((line) => !LINE.test(line))).toEqual([])
        expect(log).not.toMatch(/sd_notify failed/)
        const mb = (statSync(executable(arch)).size / 1e6).toFixed(1)
        const note = arch === 'x64' ? '' : ' (emulated)'
        console.log(`gatewatch-linux-${arch}: ${mb} MB, exec to ready ${readyMs.toFixed(0)} ms${note}`)
      } catch (error) {
        throw new Error(`the log of the agent: ${agent.stderr()}`, { cause: error })
      } finally {
        await agent.end('SIGKILL')
        removeDirectory(home)
      }
    })
  })
})
