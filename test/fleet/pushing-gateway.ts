// A simulated gateway that pushes over remote write: the real selection of series, encoder, sender and HTTP client, with a
// clock that is wrong.
import { systemClock } from '../../src/host/clock.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { createSelection } from '../../src/metrics/federate/selection.ts'
import type { Clock, RemoteWriteHealth } from '../../src/ports.ts'
import type { Post } from '../../src/remote-write/options.ts'
import { createPost, createRemoteWrite } from '../../src/remote-write/sink.ts'
import { remoteWriteConfig } from '../remote-write/gateway.ts'
import { simulatedGateway } from './gateway.ts'

/** How far the clocks of the gateways are off, from well synchronised to badly: any magnitude is equally likely. */
const SKEW_MS = { least: 10, most: 300_000 }
/** How much too fast or too slow they are, at most: a cheap crystal. */
const DRIFT = 1e-4

export interface PushingGateway {
  health(): RemoteWriteHealth
  /** What it has pushed, or will: how often, and the sum of its counts of crashes. */
  readonly pushed: { readonly times: number; readonly crashes: number }
  stop(): Promise<void>
}

export function startPushingGateway(number: number, url: string, through: (post: Post) => Post): PushingGateway {
  const clock = wrongClock()
  const input = simulatedGateway(number)
  const config = remoteWriteConfig({ url })
  const select = createSelection(FAMILIES, async () => input(clock.now()))
  let pushed = { times: 0, crashes: 0 }
  let stopped = false
  const agent = createRemoteWrite({
    config: () => config,
    gatewayId: `gw-${number}`,
    read: async (match) => {
      const selected = await select(match)
      if (stopped) return selected
      const crashes = selected.series.filter(({ name }) => name === 'systemd_service_crashes_total')
      pushed = { times: pushed.times + 1, crashes: crashes.reduce((sum, { value }) => sum + value, 0) }
      return selected
    },
    clockIsWrong: () => false,
    post: through(createPost(() => config, '0.1.0', clock)),
    clock,
    log: () => {},
    random: Math.random,
  })
  return {
    health: agent.health,
    get pushed() {
      return pushed
    },
    stop() {
      stopped = true
      return agent.stop()
    },
  }
}

function wrongClock(): Clock {
  const skewMs = SKEW_MS.least * (SKEW_MS.most / SKEW_MS.least) ** Math.random() * (Math.random() < 0.5 ? 1 : -1)
  const rate = 1 + DRIFT * (2 * Math.random() - 1)
  const wallMsOf = (monoMs: number) => performance.timeOrigin + skewMs + monoMs
  return {
    now() {
      const monoMs = performance.now() * rate
      return { monoMs, wallMs: wallMsOf(monoMs) }
    },
    wallMsOf,
    after: (ms, call) => systemClock.after(ms / rate, call),
  }
}
