// The built agent with its state on a partition: formatted by the command, failing, killed at writes, and in its sandbox.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Gatewatch,
  type GatewatchOptions,
  gatewatch,
  removeDirectory,
  startGatewatch,
  temporaryDirectory,
} from '../rig/gatewatch.ts'
import { install, noGateway, UNIT_FILE } from '../rig/installed.ts'
import { makePartition, noPartition, type Partition } from '../rig/partition.ts'
import type { Systemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashesOf, crashesReach, crashOnce, startSystemdWith } from './one-crash.ts'

/** Numbers of write calls at which the agent is killed; `npm run prove:flash` has more. */
const KILLED_AT = process.env['GATEWATCH_LONG'] === undefined ? [2, 7, 10] : Array.from({ length: 50 }, (_, i) => i + 1)
const UNIT = 'dies.service'
const CRASHES = `systemd_service_crashes_total{service="${UNIT}"}`

describeUnless(noSystemd() ?? noPartition() ?? missingPrograms('strace'), 'the state on a partition', () => {
  let systemd: Systemd
  let partition: Partition
  let directory: string
  const agents: Gatewatch[] = []

  beforeAll(async () => {
    systemd = await startSystemdWith(UNIT)
  })
  beforeEach(() => {
    directory = temporaryDirectory()
    partition = makePartition()
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end('SIGKILL')
    partition.end()
    removeDirectory(directory)
  })
  afterAll(() => systemd?.stop())

  async function start(options: Partial<GatewatchOptions> = {}, ready = true): Promise<Gatewatch> {
    const args = ['-p', partition.path]
    const agent = await startGatewatch(
      { busAddress: systemd.busAddress, services: [UNIT], directory, args, ...options },
      ready,
    )
    agents.push(agent)
    return agent
  }

  const crash = () => crashOnce(systemd, UNIT)
  const reaches = (agent: Gatewatch, crashes: number) => crashesReach(agent, UNIT, crashes)

  test('format refuses without an answer, prepares with --yes, and is refused while the agent counts there', async () => {
    const { path } = partition
    expect(gatewatch('format', path)).toMatchObject({ code: 1, stderr: expect.stringContaining('is not a terminal') })
    expect(readFileSync(path).every((byte) => byte === 0)).toBe(true)
    expect(gatewatch('format', partition.disk, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('whole disk'),
    })
    expect(gatewatch('format', path, '--yes')).toMatchObject({ code: 0, stdout: '' })
    expect(gatewatch('dump', path).stderr).toBe(`gatewatch: ${path} was formatted and has no counters yet\n`)
    const agent = await start()
    await crash()
    await reaches(agent, 1)
    expect(await agent.metric(CRASHES)).toBe(1)
    expect((await agent.getJson('/api/v1/status'))['state']).toMatchObject({
      ...{ path, problem: null, volatile: false, commit_bytes: 4096 },
      file_system: 'a partition without a file system',
    })
    expect(gatewatch('format', path, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('already running'),
    })
    expect(await agent.end()).toBe(0)
    const again = await start()
    expect(await again.metric(CRASHES)).toBe(1)
    expect([statSync(path).isBlockDevice(), existsSync(`${path}.new`)]).toEqual([true, false])
    expect(gatewatch('dump', path).stdout).toContain(UNIT)
  })

  test('a partition that was not prepared is left untouched, and /-/ready names the command', async () => {
    const agent = await start({}, false)
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'the reason',
      is: (r) => r.body.includes('state_file') || r.body.includes('gatewatch format'),
    })
    expect(ready.status).toBe(503)
    expect(ready.body).toContain(
      `cannot write ${partition.path}: it was not prepared for gatewatch and is left untouched`,
    )
    await crash()
    await reaches(agent, 1)
    expect(await agent.end()).toBe(0)
    expect(readFileSync(partition.path).every((byte) => byte === 0)).toBe(true)
  })

  test('a single EIO on fdatasync is reported, and nothing is lost', async () => {
    gatewatch('format', partition.path, '--yes')
    const agent = await start({ commandPrefix: traced('fdatasync:error=EIO:when=2'), env: { UV_THREADPOOL_SIZE: '1' } })
    const before = await crashesOf(agent, UNIT)
    for (let n = 1; n <= 2; n++) {
      await crash()
      await reaches(agent, before + n)
    }
    const errors = async () => (await agent.get('/metrics')).body.match(/flash_errors_total\{errno="EIO"\} 1/)
    await until(errors, { what: 'the error to be counted', timeoutMs: 90_000 })
    await until(() => agent.metric('gatewatch_flash_degraded'), {
      what: 'the state on flash',
      is: (v) => v === 0,
      timeoutMs: 90_000,
    })
    const shown = await until(() => agent.metric(CRASHES), {
      what: 'both crashes on flash',
      is: (n) => n === before + 2,
      timeoutMs: 90_000,
    })
    await agent.end('SIGKILL')
    removeDirectory(`${directory}/run`)
    expect(await (await start()).metric(CRASHES)).toBe(shown)
  })

  test(
    'after a kill at any write call, the next agent has counted every crash',
    async () => {
      gatewatch('format', partition.path, '--yes')
      let crashes = 0
      for (const n of KILLED_AT) {
        const options = { commandPrefix: traced(`pwrite64:signal=KILL:when=${n}`), env: { UV_THREADPOOL_SIZE: '1' } }
        const agent = await start(options, false).catch(() => null) // it may be killed before it listens
        for (let i = 0; agent !== null && i < n && (await isReady(agent)); i++, crashes++) await crash()
        await agent?.end('SIGKILL')
      }
      console.log(`killed at ${KILLED_AT.length} writes to a partition: ${crashes} crashes, all counted`)
      expect(crashes).toBeGreaterThan(0)
      const agent = await start()
      await reaches(agent, crashes)
      expect(await crashesOf(agent, UNIT)).toBe(crashes)
    },
    60_000 + KILLED_AT.length * 30_000,
  )

  /** Waits until the agent is ready or dead. */
  async function isReady(agent: Gatewatch): Promise<boolean> {
    const status = () =>
      agent.get('/-/ready').then(
        (response) => response.status,
        () => null,
      )
    return (
      (await until(status, { what: 'ready or dead', is: (s) => s === 200 || s === null, timeoutMs: 60_000 })) === 200
    )
  }
})

describeUnless(noGateway() ?? noPartition(), 'a partition in the sandbox of the service', () => {
  const NODE = '/dev/gatewatch-state'
  /** The lines of the drop-in, for another device. */
  const DROP_IN = readFileSync(join(UNIT_FILE, '../drop-ins/partition.conf'), 'utf8')
    .replace(/^.*\[Service\]\n/s, '')
    .replaceAll('/dev/disk/by-partlabel/gatewatch', NODE)

  test('with the drop-in, the user gatewatch writes it', async () => {
    const partition = makePartition()
    const installed = install({
      services: ['fragile'],
      service: `Environment=GATEWATCH_PERSISTENCE_FILE=${NODE}\n${DROP_IN}`,
    })
    writeFileSync(join(installed.stateFile, '../state.ring'), 'of before')
    const gateway = await installed.boot()
    try {
      const state = async () =>
        (await gateway.getJson('/api/v1/status'))['state'] as { problem: string | null; commits: number }
      // The rig has no device filter: systemd only shows what it would allow.
      expect(await gateway.systemd.show('gatewatch.service', 'DeviceAllow')).toEqual({ DeviceAllow: `${NODE} rw` })
      expect((await state()).problem).toBe(`cannot write ${NODE}: there is no such device (ENOENT)`)
      gatewatch('format', partition.path, '--yes')
      const { rdev } = statSync(partition.path)
      const numbers = [String(Math.floor(rdev / 256)), String(rdev % 256)]
      expect(await gateway.systemd.exec('mknod', '-m', '0600', NODE, 'b', ...numbers)).toMatchObject({ code: 0 })
      const restart = () => gateway.systemd.exec('systemctl', 'restart', 'gatewatch.service')
      await restart()
      expect((await state()).problem).toMatch(/permission denied; the udev rule partition.rules and the drop-in/)
      await gateway.systemd.exec('chown', 'gatewatch:gatewatch', NODE)
      await restart()
      expect(await state()).toMatchObject({ problem: null, commits: 1 })
      expect(existsSync(installed.stateFile)).toBe(false)
      expect(await gateway.journal('-u', 'gatewatch.service')).toContain(
        `counting starts from 0 on ${NODE}; the counters in /var/lib/gatewatch/state.ring are not used`,
      )
    } finally {
      await gateway.systemd.stop()
      installed.remove()
      partition.end()
    }
  })
})

/** A command that starts the agent with failing system calls. `when` counts the calls of each thread. */
function traced(fault: string): string[] {
  return ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${fault.split(':')[0]}`, '-e', `inject=${fault}`]
}
