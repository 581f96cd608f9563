// Attacks the built agent over TCP, and measures how long a crash takes to reach its event; for a test and a benchmark.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { crashTimes, DYING_UNIT, writeDyingUnit } from './crash-times.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from './gatewatch.ts'
import { rssAnonMb } from './process-usage.ts'
import { startSystemd } from './systemd.ts'
import { until } from './until.ts'

const ATTACK = fileURLToPath(new URL('attack-clients.ts', import.meta.url))

export type ResponseCounts = Readonly<Record<string, number>>

export interface AttackResult {
  readonly responses: Readonly<Record<string, ResponseCounts>>
  /** Milliseconds from crash to event. */
  readonly quietMs: readonly number[]
  /** While another agent on the same machine was attacked: the effect of the load alone. */
  readonly elsewhereMs: readonly number[]
  readonly attackedMs: readonly number[]
  /** Crashes of the unit as counted by the agent, and how often it really died. */
  readonly counted: number
  readonly died: number
  readonly lost: number
  readonly residentMb: number
}

/** `crashesBefore`: how many crashes are timed before the attack. Basic auth is configured, so that wrong passwords are checked too. */
export async function measureAttack(malformedRequests: number, crashesBefore: number): Promise<AttackResult> {
  const directory = temporaryDirectory()
  await using systemd = await startSystemd()
  writeDyingUnit(systemd, 0.7)
  systemd.writeUnit('steady.service', '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  await systemd.start('steady.service')
  const [token, web] = [join(directory, 'token'), join(directory, 'web.yml')]
  writeFileSync(token, 'topsecret')
  writeFileSync(web, `basic_auth_users: {prom: ${hashSync('secret', 8)}}`)
  const agents: Gatewatch[] = []
  const start = async (services: readonly string[], home: string) => {
    const started = await startGatewatch(
      {
        busAddress: systemd.busAddress,
        directory: home,
        services,
        env: {
          GATEWATCH_CONTROL_ENABLED: 'true',
          GATEWATCH_CONTROL_TOKEN_FILE: token,
          GATEWATCH_WEB_CONFIG_FILE: web,
        },
      },
      false,
    )
    agents.push(started)
    return started
  }
  const bystanderDirectory = temporaryDirectory()
  try {
    const agent = await start([DYING_UNIT, 'steady'], directory)
    const bystander = await start(['steady'], bystanderDirectory)
    const { socket, url, pid } = agent
    const unit = (name: string) =>
      agent.getJson(`/api/v1/units/${name}`) as Promise<{
        counters: { crashes: number; lost: number }
        running: boolean
      }>
    await until(() => unit('steady'), { what: 'the agent to know the units', is: (u) => u.running === true })
    const times = await crashTimes(systemd, socket)
    await systemd.start(DYING_UNIT)
    await until(() => times.read().length, {
      what: 'crashes before the attack',
      is: (n) => n >= crashesBefore,
      timeoutMs: 120_000,
    })
    const before = times.read().length
    await attack(Number(new URL(bystander.url).port), malformedRequests)
    const elsewhere = times.read().length
    const responses = await attack(Number(new URL(url).port), malformedRequests)
    const all = times.read()
    await systemd.stop(DYING_UNIT)
    await until(() => unit(DYING_UNIT), { what: 'the unit to stop', is: (u) => !u.running })
    const { crashes, lost } = (await unit(DYING_UNIT)).counters
    times.stop()
    const died = times.deaths()
    return {
      responses,
      quietMs: all.slice(0, before),
      elsewhereMs: all.slice(before, elsewhere),
      attackedMs: all.slice(elsewhere),
      counted: crashes,
      died,
      lost,
      residentMb: rssAnonMb(pid),
    }
  } finally {
    for (const agent of agents) await agent.end()
    removeDirectory(directory)
    removeDirectory(bystanderDirectory)
  }
}

function attack(port: number, malformedRequests: number): Promise<AttackResult['responses']> {
  const child = spawn(process.execPath, ['--import', 'tsx', ATTACK, String(port), String(malformedRequests)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return new Promise((resolve, reject) => {
    child.on('exit', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`the attacking process exited with ${code}`)),
    )
  })
}
