// The demo as a person runs it, for real: it shows what it promises, and leaves nothing.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { DEMO, REPOSITORY, type StartedDemo, startDemo } from './started.ts'

const URL_SHOWN = /http:\/\/127\.0\.0\.1:\d+\/metrics/
const ALTERNATE_SCREEN = '\x1b[?1049h'
const ORDINARY_SCREEN = '\x1b[?1049l'
/** Foreground colours, and nothing else that the demo writes, begin so. */
const COLOR = '\x1b[3'
const AT_MOST_MS = 60_000
/** For setpriv(1): a plain user, who may read this checkout wherever it is. */
const NOBODY = ['--reuid=65534', '--clear-groups', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search']

async function nothingIsLeft(demo: StartedDemo): Promise<void> {
  await until(() => demo.traces(), { what: 'nothing of the demo to be left', is: (traces) => traces.length === 0 })
}

async function scrape([url]: RegExpExecArray): Promise<string> {
  return (await fetch(url)).text()
}

/** The agent that a demo started. */
function agentOf(demo: StartedDemo): number {
  const agent = readdirSync('/proc').find((pid) => {
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
      return Number(parent) === demo.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('gatewatch.cjs')
    } catch {
      return false
    }
  })
  if (agent === undefined) throw new Error('the demo has no agent')
  return Number(agent)
}

const PROGRAMS = ['script', 'mount', 'mosquitto', 'mosquitto_sub']

describeUnless(noSystemd() ?? missingPrograms(...PROGRAMS), 'the demo', () => {
  it('tells a pipe its URL, an event a line and a summary, without escape codes', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo(['--seconds', '6'])
    const metrics = await scrape(await demo.sees(URL_SHOWN))
    expect(metrics).toMatch(/^systemd_service_state\{.*service="wirepas-gateway.service".*\} /m)
    expect(demo.traces()).not.toEqual([])
    expect(await demo.exitCode).toBe(0)
    const said = demo.said()
    expect(said).toMatch(/^\S+ \S+ {2}start {10}wirepas-gateway: start 1$/m)
    expect(said).toMatch(/^\S+ \S+ {2}demo: {10}kill -9 mosquitto.service$/m)
    expect(said).toMatch(/^\S+ \S+ {2}crash {10}mosquitto: SIGKILL, will restart \(crash 1\)$/m)
    expect(said).toMatch(/^\S+ \S+ {2}restart {8}mosquitto: restart 1, start 2$/m)
    expect(said).toMatch(/^mosquitto +active +\d+s +2 +0 +1 +1 {2}SIGKILL \d+s$/m)
    expect(said).toContain('README.md')
    expect(said).not.toContain('\x1b')
    await nothingIsLeft(demo)
  })

  it('prints a command that follows the events at a real broker', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo([])
    const [, command] = await demo.sees(/^events: (mosquitto_sub .+)$/m)
    const subscriber = spawn('sh', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    let heard = ''
    subscriber.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text
    })
    try {
      await until(() => /^gatewatch\/demo\/event\/crash .*"service":"mosquitto.service"/m.test(heard), {
        what: 'a crash at the broker',
        timeoutMs: 20_000,
      })
    } finally {
      subscriber.kill()
    }
  })

  it('fills a terminal while it runs, and gives it back', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo(['--seconds', '6'], { terminal: true })
    expect(await scrape(await demo.sees(URL_SHOWN))).toContain('# TYPE systemd_service_state gauge')
    await demo.sees(/mosquitto: SIGKILL, will restart/)
    expect(await demo.exitCode).toBe(0)
    const said = demo.said()
    expect(said).toContain(COLOR)
    const [before = '', screen = ''] = said.split(ALTERNATE_SCREEN)
    const [, after = ''] = screen.split(ORDINARY_SCREEN)
    expect(before).toBe('')
    expect(after).toMatch(/events of 12 units in \d+ s:/)
    expect(after).toContain('README.md')
    await nothingIsLeft(demo)
  })

  it('ends at q, and uses no colours where NO_COLOR says so', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo([], { terminal: true, env: { NO_COLOR: '1' } })
    await demo.sees(URL_SHOWN)
    demo.type('q')
    expect(await demo.exitCode).toBe(0)
    expect(demo.said()).not.toContain(COLOR)
    await nothingIsLeft(demo)
  })

  it('ends at SIGTERM with everything it started', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo([])
    await demo.sees(/wirepas-sink-ttys2: start 1/)
    demo.kill('SIGTERM')
    expect(await demo.exitCode).toBe(0)
    await nothingIsLeft(demo)
  })

  it('says that the agent died, and cleans up all the same', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo([])
    await demo.sees(/wirepas-sink-ttys2: start 1/)
    process.kill(agentOf(demo), 'SIGKILL')
    expect(await demo.exitCode).toBe(1)
    expect(demo.said()).toContain('demo: the agent ended by itself (SIGKILL)')
    await nothingIsLeft(demo)
  })

  it('says what is needed where there is no systemd and no root', { timeout: AT_MOST_MS }, async () => {
    await using demo = startDemo([], { before: ['setpriv', ...NOBODY] })
    expect(await demo.exitCode).toBe(1)
    expect(demo.said()).toContain("Run 'sudo npm run demo'")
    await nothingIsLeft(demo)
  })

  it("watches a machine's own systemd and leaves its units alone", { timeout: AT_MOST_MS }, async () => {
    await using machine = await startSystemd({ bind: [REPOSITORY] })
    machine.writeUnit('mosquitto.service', '[Service]\nExecStart=sleep 1000\nRestart=on-failure\n')
    await machine.daemonReload()
    await machine.start('mosquitto')
    const before = await machine.show('mosquitto', 'InvocationID')
    const demo = `cd '${REPOSITORY}' && exec ${DEMO.join(' ')} --seconds 3`
    const ended = await machine.exec('setpriv', ...NOBODY, 'sh', '-c', demo)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain("on this machine's systemd\n")
    expect(ended.stdout).toMatch(/start {10}mosquitto: start 1, detected later$/m)
    expect(await machine.show('mosquitto', 'InvocationID')).toEqual(before)
  })
})
