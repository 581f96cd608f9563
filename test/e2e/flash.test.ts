// The built agent on failing flash: power cuts, write errors, a full file system, one that becomes read-only.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { encodePage, MAJOR } from '../../src/store/format/page.ts'
import { type FileSystem, type Flash, noFlash, startFlash } from '../rig/flash.ts'
import { type Gatewatch, gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import type { Systemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashesOf, crashesReach, crashOnce, startSystemdWith } from './one-crash.ts'

/** `npm run prove:flash` makes more. */
const CUTS = Math.ceil(Number(process.env['GATEWATCH_CUTS'] ?? 6) / 3)
/** Numbers of write calls at which the agent is killed. The first five create the file. */
const KILLED_AT =
  process.env['GATEWATCH_LONG'] === undefined ? [2, 6, 8, 11] : Array.from({ length: 50 }, (_, i) => i + 1)
const UNIT = 'dies.service'
const CRASHES = `systemd_service_crashes_total{service="${UNIT}"}`

const unavailable = noSystemd() ?? noFlash('ext4', 'xfs') ?? missingPrograms('strace')

describeUnless(unavailable, 'failing flash', () => {
  let systemd: Systemd
  let flash: Flash | null
  let directory: string
  const agents: Gatewatch[] = []

  beforeAll(async () => {
    systemd = await startSystemdWith(UNIT)
  })
  beforeEach(() => {
    directory = temporaryDirectory()
    flash = null
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end('SIGKILL')
    flash?.end()
    removeDirectory(directory)
  })
  afterAll(() => systemd.stop())

  async function start(options: Partial<Parameters<typeof startGatewatch>[0]> = {}, ready = true): Promise<Gatewatch> {
    const onFlash =
      flash === null ? {} : { commandPrefix: flash.commandPrefix, args: ['-p', `${flash.path}/state.ring`] }
    const agent = await startGatewatch(
      { busAddress: systemd.busAddress, services: [UNIT], directory, ...onFlash, ...options },
      ready,
    )
    agents.push(agent)
    return agent
  }

  const crash = () => crashOnce(systemd, UNIT)
  const reaches = (agent: Gatewatch, crashes: number) => crashesReach(agent, UNIT, crashes)

  // btrfs does not support the shutdown ioctl that simulates the power cut.
  test.each<FileSystem>(['ext4', 'xfs'])(
    'a power cut on %s: no counter shown by /metrics decreases, no event id is reused',
    async (kind) => {
      flash = await startFlash(kind, kind === 'xfs' ? '320M' : '128M')
      const events = new Map<string, string>()
      let shown = 0
      for (let cut = 0; cut < CUTS; cut++) {
        const agent = await start()
        expect(await agent.metric(CRASHES)).toBeGreaterThanOrEqual(shown)
        const look = async () => {
          shown = Math.max(shown, (await agent.metric(CRASHES)) ?? 0)
          for (const event of await agent.events()) {
            const text = JSON.stringify({ ...event, replayed: false })
            expect(events.get(String(event['id'])) ?? text).toBe(text)
            events.set(String(event['id']), text)
          }
        }
        const at = await crashesOf(agent, UNIT)
        for (let n = 1; n <= 1 + (cut % 3); n++) {
          await crash()
          await reaches(agent, at + n)
          await look()
        }
        flash.cut()
        await agent.end('SIGKILL')
        agents.length = 0
        removeDirectory(`${directory}/run`)
        flash.remount()
      }
      const last = await start()
      expect(await last.metric(CRASHES)).toBeGreaterThanOrEqual(shown)
      console.log(
        `${kind}: ${CUTS} power cuts, ${events.size} events, ${shown} crashes: no counter decreased, no event id was reused`,
      )
    },
    60_000 + CUTS * 30_000,
  )

  test('full flash at the start is reported; crashes are counted in memory and written once there is space', async () => {
    flash = await startFlash('ext4', '8M')
    flash.run('sh', '-c', `dd if=/dev/zero of=${flash.path}/full bs=4096 2>/dev/null || true`)
    const agent = await start({}, false)
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'the reason in /-/ready',
      is: (r) => r.body.includes('ENOSPC'),
    })
    expect(ready.status).toBe(503)
    expect(await agent.metric('gatewatch_flash_degraded')).toBe(1)
    await crash()
    await reaches(agent, 1)
    expect(await agent.metric(CRASHES)).toBe(1)
    flash.run('rm', `${flash.path}/full`)
    await recovered(agent)
    expect(await agent.metric('gatewatch_flash_errors_total{errno="ENOSPC"}')).toBeGreaterThanOrEqual(1)
    await agent.end('SIGKILL')
    removeDirectory(`${directory}/run`)
    expect(await crashesOf(await start(), UNIT)).toBe(1)
  })

  test('the agent survives flash that becomes read-only, as ext4 does after an error', async () => {
    flash = await startFlash('ext4', '8M')
    const agent = await start()
    flash.run('mount', '-o', 'remount,abort', flash.path)
    await crash()
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'the reason in /-/ready',
      is: (r) => r.body.includes('state.ring'),
      timeoutMs: 90_000,
    })
    expect(ready.body).toMatch(/cannot write .*(EROFS|EIO)/)
    const counted = await crashesOf(agent, UNIT)
    expect(await agent.metric(CRASHES)).toBe(counted)
    flash.remount()
    await recovered(agent)
    await agent.end('SIGKILL')
    removeDirectory(`${directory}/run`)
    expect(await crashesOf(await start(), UNIT)).toBeGreaterThanOrEqual(counted)
  })

  test.each([
    ['EIO on fdatasync', 'fdatasync:error=EIO:when=2'],
    ['ENOSPC on a write', 'pwrite64:error=ENOSPC:when=3'],
  ])('a single %s causes a new file, and nothing is lost', async (_, fault) => {
    const agent = await start({ commandPrefix: traced(fault), env: { UV_THREADPOOL_SIZE: '1' } })
    const before = await crashesOf(agent, UNIT)
    for (let n = 1; n <= 2; n++) {
      await crash()
      await reaches(agent, before + n)
    }
    const errors = async () => (await agent.get('/metrics')).body.match(/flash_errors_total\{errno="E\w+"\} 1/)
    await until(errors, { what: 'the error to be counted', timeoutMs: 90_000 })
    await recovered(agent)
    const shown = await until(() => agent.metric(CRASHES), {
      what: 'all crashes to be on flash',
      is: (n) => n === before + 2,
      timeoutMs: 90_000,
    })
    await agent.end('SIGKILL')
    expect(await (await start()).metric(CRASHES)).toBeGreaterThanOrEqual(shown ?? 0)
  })

  test('a file of a newer format is left untouched and reported by /-/ready; another file is used', async () => {
    const header = { kind: 'snapshot', part: 0, parts: 1, seq: 9, base: 9, boot: '0'.repeat(32), wallMs: 0 } as const
    const newer = encodePage(header, Buffer.from('from the future'), { major: MAJOR + 1, minor: 0 })
    const path = join(directory, 'state.ring')
    writeFileSync(path, newer)
    const agent = await start({}, false)
    const reason = `newer gatewatch (format ${MAJOR + 1}) and is left untouched`
    await until(() => agent.get('/-/ready'), {
      what: 'the reason in /-/ready, and nothing about the bus, which is connected',
      is: (r) => r.status === 503 && r.body.includes(reason) && !r.body.includes('bus:'),
    })
    await crash()
    await reaches(agent, 1)
    expect(await agent.end()).toBe(0)
    expect(readFileSync(path).equals(newer)).toBe(true)
    const beside = `${path}.v${MAJOR}`
    const contents = readFileSync(beside)
    const { code, stdout } = gatewatch('dump', beside)
    expect([code, stdout]).toEqual([0, expect.stringContaining(UNIT)])
    expect(readFileSync(beside).equals(contents)).toBe(true)
    expect(gatewatch('dump', path).stdout).toContain(UNIT)
    expect(readFileSync(path).equals(newer)).toBe(true)
  })

  test(
    'after a kill at any write call, the next agent has counted every crash',
    async () => {
      let crashes = 0
      for (const n of KILLED_AT) {
        const options = { commandPrefix: traced(`pwrite64:signal=KILL:when=${n}`), env: { UV_THREADPOOL_SIZE: '1' } }
        const agent = await start(options, false).catch(() => null) // it may be killed before it listens
        for (let i = 0; agent !== null && i < n && (await isReady(agent)); i++, crashes++) await crash()
        await agent?.end('SIGKILL')
      }
      console.log(`killed at ${KILLED_AT.length} writes: ${crashes} crashes, all counted`)
      expect(crashes).toBeGreaterThan(0)
      const agent = await start()
      await reaches(agent, crashes)
      expect(await crashesOf(agent, UNIT)).toBe(crashes)
    },
    60_000 + KILLED_AT.length * 30_000,
  )

  /** Waits until the agent is ready or dead. */
  async function isReady(agent: Gatewatch): Promise<boolean> {
    const readyStatus = () =>
      agent.get('/-/ready').then(
        ({ status }) => status,
        () => null,
      )
    return (
      (await until(readyStatus, { what: 'ready or dead', is: (s) => s === 200 || s === null, timeoutMs: 60_000 })) ===
      200
    )
  }

  async function recovered(agent: Gatewatch): Promise<void> {
    const what = 'the state to be written to flash'
    await until(() => agent.metric('gatewatch_flash_degraded'), { what, is: (v) => v === 0, timeoutMs: 90_000 })
  }
})

/** A command that starts the agent with failing system calls. `when` counts the calls of each thread. */
function traced(fault: string): string[] {
  return ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${fault.split(':')[0]}`, '-e', `inject=${fault}`]
}
