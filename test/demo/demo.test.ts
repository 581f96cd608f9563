// Runs the demo as a user does: it shows what it promises and leaves nothing behind.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { DEMO_COMMAND, type DemoProcess, REPOSITORY, startDemo } from './demo-process.ts'

const URL_SHOWN = /http:\/\/127\.0\.0\.1:\d+\/metrics/
const ALTERNATE_SCREEN = '\x1b[?1049h'
const ORDINARY_SCREEN = '\x1b[?1049l'
/** The start of every foreground colour, and of no other sequence that the demo writes. */
const COLOR = '\x1b[3'
const TIMEOUT_MS = 60_000
/** For setpriv(1): an unprivileged user that can read this checkout wherever it is. */
const UNPRIVILEGED = [
  '--reuid=65534',
  '--clear-groups',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
]

async function nothingIsLeftBehind(demo: DemoProcess): Promise<void> {
  await until(() => demo.traces(), { what: 'the demo to leave nothing behind', is: (traces) => traces.length === 0 })
}

async function scrape([url]: RegExpExecArray): Promise<string> {
  return (await fetch(url)).text()
}

/** The agent that a demo started. */
function agentOf(demo: DemoProcess): number {
  const agent = readdirSync('/proc').find((pid) => {
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
      return Number(parent) === demo.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('gatewatch.cjs')
    } catch {
      return false
    }
  })
  if (agent === undefined) throw new Error('the demo has not started an agent')
  return Number(agent)
}

const PROGRAMS = ['script', 'mount', 'mosquitto', 'mosquitto_sub']

describeUnless(noSystemd() ?? missingPrograms(...PROGRAMS), 'the demo', () => {
  it('prints the URL, one line for each event and a summary into a pipe, without escape codes', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using demo = startDemo(['--seconds', '6'])
    const metrics = await scrape(await demo.waitFor(URL_SHOWN))
    expect(metrics).toMatch(/^systemd_service_state\{.*service="wirepas-gateway.service".*\} /m)
    expect(demo.traces()).not.toEqual([])
    expect(await demo.exitCode).toBe(0)
    const output = demo.output()
    expect(output).toMatch(/^\S+ \S+ {2}start {10}wirepas-gateway: start 1$/m)
    expect(output).toMatch(/^\S+ \S+ {2}demo: {10}kill -9 mosquitto.service$/m)
    expect(output).toMatch(/^\S+ \S+ {2}crash {10}mosquitto: SIGKILL, will restart \(crash 1\)$/m)
    expect(output).toMatch(/^\S+ \S+ {2}restart {8}mosquitto: restart 1, start 2$/m)
    expect(output).toMatch(/^mosquitto +active +\d+s +2 +0 +1 +1 {2}SIGKILL \d+s$/m)
    expect(output).toContain('README.md')
    expect(output).not.toContain('\x1b')
    await nothingIsLeftBehind(demo)
  })

  it('prints a command that follows the events at a real broker', { timeout: TIMEOUT_MS }, async () => {
    await using demo = startDemo([])
    const [, command] = await demo.waitFor(/^events: (mosquitto_sub .+)$/m)
    const subscriber = spawn('sh', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    let received = ''
    subscriber.stdout.setEncoding('utf8').on('data', (text: string) => {
      received += text
    })
    try {
      await until(() => /^gatewatch\/demo\/event\/crash .*"service":"mosquitto.service"/m.test(received), {
        what: 'a crash at the broker',
        timeoutMs: 20_000,
      })
    } finally {
      subscriber.kill()
    }
  })

  it('fills the terminal while it runs, and restores it', { timeout: TIMEOUT_MS }, async () => {
    await using demo = startDemo(['--seconds', '6'], { terminal: true })
    expect(await scrape(await demo.waitFor(URL_SHOWN))).toContain('# TYPE systemd_service_state gauge')
    await demo.waitFor(/mosquitto: SIGKILL, will restart/)
    expect(await demo.exitCode).toBe(0)
    const output = demo.output()
    expect(output).toContain(COLOR)
    const [before = '', screen = ''] = output.split(ALTERNATE_SCREEN)
    const [, after = ''] = screen.split(ORDINARY_SCREEN)
    expect(before).toBe('')
    expect(after).toMatch(/events of 12 units in \d+ s:/)
    expect(after).toContain('README.md')
    await nothingIsLeftBehind(demo)
  })

  it('exits on q, and uses no colours if NO_COLOR is set', { timeout: TIMEOUT_MS }, async () => {
    await using demo = startDemo([], { terminal: true, env: { NO_COLOR: '1' } })
    await demo.waitFor(URL_SHOWN)
    demo.type('q')
    expect(await demo.exitCode).toBe(0)
    expect(demo.output()).not.toContain(COLOR)
    await nothingIsLeftBehind(demo)
  })

  it('exits on SIGTERM and stops everything it started', { timeout: TIMEOUT_MS }, async () => {
    await using demo = startDemo([])
    await demo.waitFor(/wirepas-sink-ttys2: start 1/)
    demo.kill('SIGTERM')
    expect(await demo.exitCode).toBe(0)
    await nothingIsLeftBehind(demo)
  })

  it('reports that the agent died, and still cleans up', { timeout: TIMEOUT_MS }, async () => {
    await using demo = startDemo([])
    await demo.waitFor(/wirepas-sink-ttys2: start 1/)
    process.kill(agentOf(demo), 'SIGKILL')
    expect(await demo.exitCode).toBe(1)
    expect(demo.output()).toContain('demo: the agent exited unexpectedly (SIGKILL)')
    await nothingIsLeftBehind(demo)
  })

  it('explains what it needs if there is neither systemd nor root', { timeout: TIMEOUT_MS }, async () => {
    await using demo = startDemo([], { prefix: ['setpriv', ...UNPRIVILEGED] })
    expect(await demo.exitCode).toBe(1)
    expect(demo.output()).toContain("Run 'sudo npm run demo'")
    await nothingIsLeftBehind(demo)
  })

  it("watches the machine's own systemd and leaves its units alone", { timeout: TIMEOUT_MS }, async () => {
    await using machine = await startSystemd({ bind: [REPOSITORY] })
    machine.writeUnit('mosquitto.service', '[Service]\nExecStart=sleep 1000\nRestart=on-failure\n')
    await machine.daemonReload()
    await machine.start('mosquitto')
    const before = await machine.show('mosquitto', 'InvocationID')
    const demo = `cd '${REPOSITORY}' && exec ${DEMO_COMMAND.join(' ')} --seconds 3`
    const ended = await machine.exec('setpriv', ...UNPRIVILEGED, 'sh', '-c', demo)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain("on this machine's systemd\n")
    expect(ended.stdout).toMatch(/start {10}mosquitto: start 1, detected later$/m)
    expect(await machine.show('mosquitto', 'InvocationID')).toEqual(before)
  })
})
