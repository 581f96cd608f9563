// TCP for the scrapers: tried again while the port is taken, moved when the configuration says another.
import type { LoadedConfig } from '../config/load.ts'
import { messageOf } from '../core/error-text.ts'
import type { Http, HttpListener } from '../http/http.ts'
import type { Clock, Log } from '../ports.ts'

const AGAIN_AFTER_MS = 30_000

export interface Wanted {
  /** Null: all addresses. */
  readonly host: string | null
  /** 0: any free one. */
  readonly port: number
  /** The file of TLS and passwords. */
  readonly web: string | null
}

export interface Listening {
  /** `0.0.0.0:9100`; null while nothing listens. */
  address(): string | null
  scheme(): 'http' | 'https'
  /** Why nothing listens though it should, in words. */
  problem(): string | null
  /** Listens there from now on, or nowhere. `insist`: rejects where it cannot, instead of trying again. */
  on(wanted: Wanted | null, insist: boolean): Promise<void>
  stop(): void
}

export function listening(http: Http, clock: Clock, log: Log): Listening {
  let served: HttpListener | null = null
  let now: Wanted | null = null
  let problem: string | null = null
  let undoRetry = () => {}

  const listen = async (wanted: Wanted, insist: boolean): Promise<void> => {
    try {
      const web = wanted.web === null ? undefined : { path: wanted.web, onTlsToggled: () => void anew(wanted) }
      served = await http.serveTcp(wanted.host, wanted.port, web)
      if (problem !== null) log('info', `http: listening on ${served.address} after all`)
      problem = null
    } catch (error) {
      if (insist) throw error
      const message = messageOf(error)
      if (problem === null) log('error', `${message}; trying again every ${AGAIN_AFTER_MS / 1000} s`)
      problem = message
      undoRetry = clock.after(AGAIN_AFTER_MS, () => void listen(wanted, false))
    }
  }
  /** TLS was switched on or off. */
  const anew = async (wanted: Wanted): Promise<void> => {
    await served?.stop()
    served = null
    if (wanted === now) await listen(wanted, false)
  }
  return {
    address: () => served?.address ?? null,
    scheme: () => served?.scheme ?? 'http',
    problem: () => problem ?? served?.problem() ?? null,
    async on(wanted, insist) {
      if (served !== null && JSON.stringify(wanted) === JSON.stringify(now)) return
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
export function wantedOf({
  prometheus_enabled,
  listen,
  prometheus_port,
  web_config_file,
}: LoadedConfig['config']): Wanted | null {
  return prometheus_enabled ? { host: listen, port: prometheus_port, web: web_config_file } : null
}

/** For the first line of the log. */
export function metricsAt({ address, scheme }: Listening): string {
  const at = address()
  return at === null ? '' : `, metrics at ${scheme()}://${at.replace(/^(0\.0\.0\.0|\[::\])/, 'localhost')}/metrics`
}
