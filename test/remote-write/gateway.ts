// A gateway for tests: real metric families of literal units, and the real push, on a clock of the test.
import { KEY_NAMES, rowOf } from '../../src/config/keys.ts'
import type { Unit } from '../../src/core/unit.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { createSelection } from '../../src/metrics/federate/selection.ts'
import type { Post, RemoteWrite, RemoteWriteConfig } from '../../src/remote-write/options.ts'
import { createRemoteWrite } from '../../src/remote-write/sink.ts'
import { runningUnit, scrapeInput } from '../metrics/scrape-inputs.ts'
import { settled, type TestClock, type TestClockOptions, testClock } from '../rig/clock.ts'

export interface Gateway {
  /** What the state file would hold: a killed agent finds it again. */
  units: readonly Unit[]
  config: RemoteWriteConfig
  clockIsWrong: boolean
  readonly log: string[]
  /** The agent that runs. */
  readonly agent: RemoteWrite
  /** SIGKILL and a new start. */
  kill(): void
}

/** The defaults of the configuration. */
export function remoteWriteConfig(changes: Partial<RemoteWriteConfig> = {}): RemoteWriteConfig {
  const keys = KEY_NAMES.filter((key) => key.startsWith('remote_write.'))
  const defaults = Object.fromEntries(keys.map((key) => [key.slice('remote_write.'.length), rowOf(key).byDefault]))
  return { ...(defaults as unknown as RemoteWriteConfig), url: 'http://receiver/api/v1/write', ...changes }
}

/** Readings and requests of all gateways of this process that have begun and not ended. */
let inProgress = 0
async function counted<T>(work: Promise<T>): Promise<T> {
  inProgress += 1
  return work.finally(() => {
    inProgress -= 1
  })
}

/** A clock that waits for the gateways to read and push before it advances to the next timer. */
export function pushClock(options: TestClockOptions = {}): TestClock {
  const settle = async () => {
    do await settled()
    while (inProgress > 0)
  }
  return testClock({ ...options, settle })
}

/** Pushes for the first time at once. */
export function startGateway(
  post: Post,
  clock: TestClock,
  config: Partial<RemoteWriteConfig> = {},
  gatewayId = 'gw-7',
): Gateway {
  let killed = new AbortController()
  const start = (): RemoteWrite => {
    killed.abort()
    killed = new AbortController()
    const { signal } = killed
    const select = createSelection(FAMILIES, async () => ({ ...scrapeInput(gateway.units), now: clock.now() }))
    return createRemoteWrite({
      config: () => gateway.config,
      gatewayId,
      read: (match) => counted(select(match)),
      clockIsWrong: () => gateway.clockIsWrong,
      post: async (body, aborted) => {
        const response = await counted(post(body, aborted))
        // What a killed process would have received, it does not process.
        return signal.aborted ? new Promise(() => {}) : response
      },
      clock: {
        ...clock,
        after: (ms, call) => clock.after(ms, () => signal.aborted || call()),
      },
      log: (level, message) => void gateway.log.push(`${level}: ${message}`),
      random: () => 0,
    })
  }
  const gateway = {
    units: [runningUnit('a.service'), runningUnit('b.service')],
    config: remoteWriteConfig(config),
    clockIsWrong: false,
    log: [] as string[],
    agent: null as unknown as RemoteWrite,
    kill() {
      gateway.agent = start()
    },
  }
  gateway.agent = start()
  return gateway
}
