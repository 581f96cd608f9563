// `node --import tsx test/bench/fire.ts [STARTS]`: one unit that fails at once, over and over, beside eleven quiet ones.
// Its start limit ends the fire after exactly so many starts: what was counted can be held against that.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startAgent } from '../../src/agent.ts'
import type { Event } from '../../src/core/event.ts'
import { newState, unitOf } from '../../src/core/state.ts'
import { lawHolds } from '../../src/core/step.ts'
import { systemClock as clock } from '../../src/host/clock.ts'
import type { StateStore, Step } from '../../src/ports.ts'
import { systemdSource } from '../../src/systemd/source.ts'
import { startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

const STARTS = Number(process.argv[2] ?? 5000)
const FIRE = 'fire.service'
const QUIET = Array.from({ length: 11 }, (_, i) => `quiet${i}.service`)

const differs = await fire()
process.exit(differs ? 1 : 0)

async function fire(): Promise<boolean> {
  await using systemd = await startSystemd()
  systemd.writeUnit(
    FIRE,
    `[Unit]\nStartLimitIntervalSec=1d\nStartLimitBurst=${STARTS}\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=0\n`,
  )
  for (const unit of QUIET) systemd.writeUnit(unit, '[Service]\nExecStart=/bin/sleep infinity\n')
  await systemd.daemonReload()
  for (const unit of QUIET) await systemd.start(unit)

  const events: Event[] = []
  const logs: string[] = []
  const store = {
    remember: (step: Step) => void events.push(...step.events),
    stop: async () => {},
  } as unknown as StateStore
  const source = systemdSource({
    ...{ address: systemd.busAddress, patterns: [FIRE, ...QUIET], clock, random: Math.random, maxUnits: 1000 },
    ...{ resyncIntervalMs: 300_000, clockMark: () => false, log: (_level: string, text: string) => logs.push(text) },
  })
  const parts = { state: newState('00112233aabbccdd'), bootId: 'boot', store, source, sinks: [], clock }
  const agent = startAgent({ ...parts, log: (_level, text) => logs.push(text) })
  await until(() => source.reconcile(), { what: 'the units to be read' })

  const burning = () => unitOf(agent.state(), FIRE)
  const heapBefore = heap()
  const signalsBefore = source.health().signals
  const cpuBefore = process.cpuUsage()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const began = performance.now()
  await systemd.systemctl('start', '--no-block', FIRE)
  await until(() => burning()?.gaveUp === true, { what: 'the fire to end', timeoutMs: 600_000, everyMs: 100 })
  const seconds = (performance.now() - began) / 1000
  delay.disable()
  const cpu = process.cpuUsage(cpuBefore)
  const signals = source.health().signals - signalsBefore
  const cpuMs = (cpu.user + cpu.system) / 1000

  const counters = burning()?.counters
  const wanted = { starts: STARTS, stops: 0, crashes: STARTS, restarts: STARTS - 1, lost: 0 }
  const exact = JSON.stringify(counters) === JSON.stringify(wanted)
  const still = QUIET.every((unit) => unitOf(agent.state(), unit)?.counters.starts === 1)
  const law = agent.state().units.every(lawHolds)
  console.log(`${STARTS} starts and crashes in ${seconds.toFixed(1)} s: ${(STARTS / seconds).toFixed(0)} a second`)
  console.log(`signals: ${signals}, ${(signals / seconds).toFixed(0)} a second`)
  console.log(`counters: ${exact && still && law ? 'exact' : `WRONG: ${JSON.stringify({ counters, still, law })}`}`)
  console.log(
    `CPU of the agent: ${((1000 * cpuMs) / signals).toFixed(0)} us a signal, ${percent(cpuMs / 1000 / seconds)}`,
  )
  console.log(
    `event loop: longest pause ${(delay.max / 1e6).toFixed(1)} ms, 99% below ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
  )
  console.log(`heap: ${heapBefore.toFixed(1)} MB before, ${heap().toFixed(1)} MB after`)
  console.log(`events told: ${events.length} (${events.filter((e) => e.kind === 'summary').length} summaries)`)
  for (const text of [...logs, ...agent.problems()]) console.log(`log: ${text}`)
  await agent.stop()
  return !(exact && still && law)
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)}% of one core`
}

function heap(): number {
  return process.memoryUsage().heapUsed / 2 ** 20
}
