// Starts and stops the push over remote write as the configuration demands; its code is loaded only then.

import type { Agent } from '../agent.ts'
import type { Config } from '../config/keys.ts'
import { isClockUnset } from '../core/views/format.ts'
import type { Clock, EventSink, Log, RemoteWriteHealth } from '../ports.ts'
import type { RemoteWrite, RemoteWriteConfig, RemoteWriteOptions } from '../remote-write/options.ts'

export interface RemoteWriteSwitchOptions {
  /** The configuration in effect. */
  readonly config: () => Config
  readonly agent: Pick<Agent, 'state'>
  readonly gatewayId: string
  readonly version: string
  readonly clock: Clock
  readonly log: Log
}

/** A sink of steps only because it must stop before the store does: it reads when a push is due. */
export interface RemoteWriteSwitch extends EventSink {
  /** Where the series come from; before the first `use`. */
  pushFrom(read: RemoteWriteOptions['read']): void
  /** Starts or stops, if the configuration has changed that; a push that runs reads the other keys itself. */
  use(): Promise<void>
  /** Null while it is off. */
  health(): RemoteWriteHealth | null
}

export function createRemoteWriteSwitch(options: RemoteWriteSwitchOptions): RemoteWriteSwitch {
  const { config, agent, version, clock } = options
  let read: RemoteWriteOptions['read'] = () => Promise.reject(new Error('not started'))
  let running: RemoteWrite | null = null
  /** As of the last `use`; the last one with a receiver, because a stop still sends something. */
  let used: RemoteWriteConfig = { ...config().remote_write, url: null }

  const start = async (): Promise<RemoteWrite> => {
    const { createRemoteWrite, createPost } = await import('../remote-write/sink.ts')
    return createRemoteWrite({
      ...options,
      config: () => used,
      read,
      // Not synchronised, or unknown and certainly wrong.
      clockIsWrong: () => agent.state().clockSynced === false || isClockUnset(clock.now().wallMs),
      post: createPost(() => used, version, clock),
      random: Math.random,
    })
  }
  const stop = async () => {
    const last = running
    running = null
    await last?.stop()
  }

  return {
    pushFrom(reader) {
      read = reader
    },
    async use() {
      const wanted = config().remote_write
      if (wanted.url === null) return stop()
      const isSame = JSON.stringify(wanted) === JSON.stringify(used)
      used = wanted
      if (running === null) running = await start()
      else if (!isSame) running.reconfigured()
    },
    health: () => running?.health() ?? null,
    accept() {},
    stop,
  }
}
