// The built agent under attack by TCP, and how long a crash takes to its event meanwhile: for a test and for a bench.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { crashTimes, UNIT, writeDyingUnit } from './crash-times.ts'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from './gatewatch.ts'
import { startSystemd } from './systemd.ts'
import { until } from './until.ts'

const ATTACK = fileURLToPath(new URL('attack.ts', import.meta.url))

export type Answers = Readonly<Record<string, number>>

export interface Attacked {
  readonly answers: Readonly<Record<string, Answers>>
  /** Milliseconds from crash to event. */
  readonly quietMs: readonly number[]
  /** While the same was done to another agent on the same machine: what the machine's own business takes. */
  readonly elsewhereMs: readonly number[]
  readonly attackedMs: readonly number[]
  /** The unit at the end, as the agent counts it, and how often it really died. */
  readonly counted: number
  readonly died: number
  readonly lost: number
  readonly residentMb: number
}

/** `quiet`: how many crashes are timed before. With a password, so that wrong ones are checked, too. */
export async function attacked(garbage: number, quiet: number): Promise<Attacked> {
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
        ...{ busAddress: systemd.busAddress, directory: home, services },
        env: {
          ...{ GATEWATCH_CONTROL_ENABLED: 'true', GATEWATCH_CONTROL_TOKEN_FILE: token },
          GATEWATCH_WEB_CONFIG_FILE: web,
        },
      },
      false,
    )
    agents.push(started)
    return started
  }
  const other = temporaryDirectory()
  try {
    const agent = await start([UNIT, 'steady'], directory)
    const bystander = await start(['steady'], other)
    const { socket, url, pid } = agent
    const unit = (name: string) =>
      agent.ask(`/api/v1/units/${name}`) as Promise<{ counters: { crashes: number; lost: number }; running: boolean }>
    await until(() => unit('steady'), { what: 'the agent to know the units', is: (u) => u.running === true })
    const times = await crashTimes(systemd, socket)
    await systemd.start(UNIT)
    await until(() => times.read().length, { what: 'crashes in quiet', is: (n) => n >= quiet, timeoutMs: 120_000 })
    const before = times.read().length
    await attack(Number(new URL(bystander.url).port), garbage)
    const elsewhere = times.read().length
    const answers = await attack(Number(new URL(url).port), garbage)
    const all = times.read()
    await systemd.stop(UNIT)
    await until(() => unit(UNIT), { what: 'the end', is: (u) => !u.running })
    const { crashes, lost } = (await unit(UNIT)).counters
    times.stop()
    const died = times.deaths()
    return {
      ...{
        answers,
        quietMs: all.slice(0, before),
        elsewhereMs: all.slice(before, elsewhere),
        attackedMs: all.slice(elsewhere),
        counted: crashes,
        died,
        lost,
      },
      residentMb: residentMb(pid),
    }
  } finally {
    for (const agent of agents) await agent.end()
    removeDirectory(directory)
    removeDirectory(other)
  }
}

function attack(port: number, garbage: number): Promise<Attacked['answers']> {
  const child = spawn(process.execPath, ['--import', 'tsx', ATTACK, String(port), String(garbage)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  return new Promise((resolve, reject) => {
    child.on('exit', (code) =>
      code === 0 ? resolve(JSON.parse(said)) : reject(new Error(`the attack ended with ${code}`)),
    )
  })
}

function residentMb(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
