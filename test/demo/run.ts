// One run of the demo: stage, agent and show come up one after the other, and go in the opposite order whatever happens.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAgent } from './agent.ts'
import { reachesBroker, startBroker } from './broker.ts'
import { liveModel, type Status } from './model.ts'
import { openShow, type Stdio } from './show.ts'
import { openStage } from './stage.ts'

export interface Seen {
  readonly status: Status
  readonly events: number
  readonly forMs: number
}

/** Resolves with what there was to see, null when it was ended before there was anything. */
export async function runDemo(seconds: number | null, stdio: Stdio, ending: AbortController): Promise<Seen | null> {
  const { signal } = ending
  /** A Ctrl-C hits programs that are being started too: what they say then is no failure. */
  const unlessEnded = <T>(starting: Promise<T>) =>
    starting.catch((error) => {
      if (signal.aborted) return null
      throw error
    })
  using show = openShow(stdio, () => ending.abort())
  using directory = temporaryDirectory()
  show.note('starting: a systemd to watch ...')
  await using stage = await unlessEnded(openStage(directory.path, process.getuid?.() ?? 0))
  if (stage === null || signal.aborted) return null
  await using broker = await startBroker()
  show.note(`starting: the agent, on ${stage.where} ...`)
  await using agent = await unlessEnded(startAgent(stage, directory.path, broker.args))
  if (agent === null || signal.aborted) return null

  const reached = broker.subscribe !== null && (await reachesBroker(agent.metricsUrl))
  const subscribe = reached ? broker.subscribe : null
  const problem = broker.problem ?? (reached ? null : 'no MQTT in this demo: the agent does not reach its broker')
  const startedAtMs = Date.now()
  const endsAtMs = seconds === null ? null : startedAtMs + seconds * 1000
  const live = liveModel({ where: stage.where, agent, subscribe, startedAtMs, endsAtMs }, show)
  const enough = endsAtMs === null ? undefined : setTimeout(() => ending.abort(), endsAtMs - startedAtMs)
  try {
    show.begins(live.model)
    if (problem !== null) live.deed(problem)
    const playing = stage.play(live.deed, signal)
    await Promise.race([Promise.all([live.follow(agent.client, signal), playing]), agent.failed])
    const { status, events } = live.model
    return { status, events, forMs: Date.now() - startedAtMs }
  } finally {
    clearTimeout(enough)
    ending.abort()
    show.note('stopping ...')
  }
}

/** Sockets hold 108 bytes, and the private systemd's are deep below this. */
const TEMPORARY_AT_MOST = 40

function temporaryDirectory(): Disposable & { readonly path: string } {
  const where = tmpdir().length <= TEMPORARY_AT_MOST ? tmpdir() : '/tmp'
  const path = mkdtempSync(join(where, 'gw-demo-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
