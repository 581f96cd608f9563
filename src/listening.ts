// TCP for the scrapers: tried again while the port is taken, moved when the configuration says another.
import type { Loaded } from './cli/load.ts'
import type { Http, Served } from './http/http.ts'
import type { Clock, Log } from './ports.ts'

const AGAIN_AFTER_MS = 30_000

export interface Wanted {
  /** Null: all addresses. */
  readonly host: string | null
  /** 0: any free one. */
  readonly port: number
}

export interface Listening {
  /** `0.0.0.0:9100`; null while nothing listens. */
  address(): string | null
  /** Why nothing listens though it should, in words. */
  problem(): string | null
  /** Listens there from now on, or nowhere. `insist`: rejects where it cannot, instead of trying again. */
  on(wanted: Wanted | null, insist: boolean): Promise<void>
  stop(): void
}

export function listening(http: Http, clock: Clock, log: Log): Listening {
  let served: Served | null = null
  let now: Wanted | null = null
  let problem: string | null = null
  let undoRetry = () => {}

  const listen = async (wanted: Wanted, insist: boolean): Promise<void> => {
    try {
      served = await http.serveTcp(wanted.host, wanted.port)
      if (problem !== null) log('info', `http: listening on ${served.address} after all`)
      problem = null
    } catch (error) {
      if (insist) throw error
      const message = error instanceof Error ? error.message : String(error)
      if (problem === null) log('error', `${message}; trying again every ${AGAIN_AFTER_MS / 1000} s`)
      problem = message
      undoRetry = clock.after(AGAIN_AFTER_MS, () => void listen(wanted, false))
    }
  }
  return {
    address: () => served?.address ?? null,
    problem: () => problem,
    async on(wanted, insist) {
      if (served !== null && wanted?.host === now?.host && wanted?.port === now?.port) return
      undoRetry()
      await served?.stop()
      served = null
      problem = null
      now = wanted
      if (wanted !== null) await listen(wanted, insist)
    },
    stop: () => undoRetry(),
  }
}

/** What the configuration asks for. */
export function wantedOf({ prometheus_enabled, listen, prometheus_port }: Loaded['config']): Wanted | null {
  return prometheus_enabled ? { host: listen, port: prometheus_port } : null
}

/** For the first line of the log. */
export function metricsAt(address: string | null): string {
  return address === null ? '' : `, metrics at http://${address.replace(/^(0\.0\.0\.0|\[::\])/, 'localhost')}/metrics`
}
