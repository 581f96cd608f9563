// One run of the demo: opens the display, the environment, the broker and the agent, and closes them in reverse order in any case.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAgent } from './agent.ts'
import { reachesBroker, startBroker } from './broker.ts'
import { openEnvironment } from './choose-environment.ts'
import { openDisplay, type Stdio } from './display.ts'
import { createLiveModel, type Status } from './model.ts'

export interface DemoResult {
  readonly status: Status
  readonly events: number
  readonly forMs: number
}

/** Resolves with what was shown; null when the demo was ended before it had started. */
export async function runDemo(
  seconds: number | null,
  stdio: Stdio,
  ending: AbortController,
): Promise<DemoResult | null> {
  const { signal } = ending
  /** A Ctrl-C also interrupts programs that are being started: their errors are then expected. */
  const unlessEnded = <T>(starting: Promise<T>) =>
    starting.catch((error) => {
      if (signal.aborted) return null
      throw error
    })
  using display = openDisplay(stdio, () => ending.abort())
  using directory = temporaryDirectory()
  display.showNote('starting systemd ...')
  await using environment = await unlessEnded(openEnvironment(directory.path, process.getuid?.() ?? 0))
  if (environment === null || signal.aborted) return null
  await using broker = await startBroker()
  display.showNote(`starting the agent on ${environment.description} ...`)
  await using agent = await unlessEnded(startAgent(environment, directory.path, broker.args))
  if (agent === null || signal.aborted) return null

  const reached = broker.subscribe !== null && (await reachesBroker(agent.metricsUrl))
  const subscribe = reached ? broker.subscribe : null
  const problem = broker.problem ?? (reached ? null : 'no MQTT in this demo: the agent cannot connect to the broker')
  const startedAtMs = Date.now()
  const endsAtMs = seconds === null ? null : startedAtMs + seconds * 1000
  const facts = { environment: environment.description, agent, subscribe, startedAtMs, endsAtMs }
  const live = createLiveModel(facts, display)
  const timer = endsAtMs === null ? undefined : setTimeout(() => ending.abort(), endsAtMs - startedAtMs)
  try {
    display.showModel(live.model)
    if (problem !== null) live.addAction(problem)
    const scenario = environment.runScenario(live.addAction, signal)
    await Promise.race([Promise.all([live.follow(agent.client, signal), scenario]), agent.failed])
    const { status, events } = live.model
    return { status, events, forMs: Date.now() - startedAtMs }
  } finally {
    clearTimeout(timer)
    ending.abort()
    display.showNote('stopping ...')
  }
}

/** A socket's path has at most 108 bytes, and the sockets of the private systemd are several directories below this one. */
const MAX_TEMPORARY_PATH = 40

function temporaryDirectory(): Disposable & { readonly path: string } {
  const parent = tmpdir().length <= MAX_TEMPORARY_PATH ? tmpdir() : '/tmp'
  const path = mkdtempSync(join(parent, 'gw-demo-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
