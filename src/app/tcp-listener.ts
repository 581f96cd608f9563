// The TCP listener for scrapers: retries while the port is taken, and moves when the configuration changes.
import { isIP } from 'node:net'
import type { Config } from '../config/keys.ts'
import { messageOf } from '../core/error-text.ts'
import type { Http, HttpListener } from '../http/http.ts'
import type { Clock, Log } from '../ports.ts'

const RETRY_AFTER_MS = 30_000

export interface TcpSettings {
  /** Null: all addresses. */
  readonly host: string | null
  /** 0: any free port. */
  readonly port: number
  /** Path of the file with TLS and passwords; null: neither. */
  readonly webConfigFile: string | null
}

export interface TcpListener {
  /** `0.0.0.0:9100`; null while not listening. */
  address(): string | null
  scheme(): 'http' | 'https'
  /** Why it does not listen although it is configured to; null otherwise. */
  problem(): string | null
  /** Listens there from now on, or nowhere (null). With `mustSucceed` it rejects if it cannot; else it retries. */
  listen(settings: TcpSettings | null, mustSucceed: boolean): Promise<void>
  /** Cancels the next retry. */
  stop(): void
}

export function createTcpListener(http: Http, clock: Clock, log: Log): TcpListener {
  let served: HttpListener | null = null
  let current: TcpSettings | null = null
  let problem: string | null = null
  let cancelRetry = () => {}

  const serve = async (settings: TcpSettings, mustSucceed: boolean): Promise<void> => {
    const { host, port, webConfigFile } = settings
    try {
      const web =
        webConfigFile === null ? undefined : { path: webConfigFile, onTlsToggled: () => void restart(settings) }
      served = await http.serveTcp(host, port, web)
      if (problem !== null) log('info', `http: now listening on ${served.address}`)
      problem = null
    } catch (error) {
      if (mustSucceed) throw error
      const message = messageOf(error)
      if (problem === null) log('error', `${message}; retrying every ${RETRY_AFTER_MS / 1000} s`)
      problem = message
      cancelRetry = clock.after(RETRY_AFTER_MS, () => void serve(settings, false))
    }
  }

  /** TLS was switched on or off in the web configuration file. */
  const restart = async (settings: TcpSettings): Promise<void> => {
    await served?.stop()
    served = null
    if (settings === current) await serve(settings, false)
  }

  return {
    address: () => served?.address ?? null,
    scheme: () => served?.scheme ?? 'http',
    problem: () => problem ?? served?.problem() ?? null,
    async listen(settings, mustSucceed) {
      if (served !== null && JSON.stringify(settings) === JSON.stringify(current)) return
      cancelRetry()
      await served?.stop()
      served = null
      problem = null
      current = settings
      if (settings !== null) await serve(settings, mustSucceed)
    },
    stop: () => cancelRetry(),
  }
}

/** Where the configuration wants the listener; null: nowhere. */
export function tcpSettings(config: Config): TcpSettings | null {
  const { prometheus_enabled, listen: host, prometheus_port: port, web_config_file: webConfigFile } = config
  return prometheus_enabled ? { host, port, webConfigFile } : null
}

/**
 * `http://gw-7:9100/`, the dashboard's address for other hosts; null while not listening for them. While listening on all
 * addresses, the host is the first of `http.allowed_hosts`, else the name of this host.
 */
export function pageUrl({ address, scheme }: TcpListener, allowedHosts: readonly string[], hostname: string) {
  const [, host, port] = /^(.*):(\d+)$/.exec(address() ?? '') ?? []
  if (host === undefined) return null
  const name = /^(0\.0\.0\.0|\[::\])$/.test(host) ? (allowedHosts[0] ?? hostname) : host
  const url = `${scheme()}://${isIP(name) === 6 ? `[${name}]` : name}:${port}/`
  return /^(localhost(\.|$)|127\.|\[?::1\]?$)/.test(name) || !URL.canParse(url) ? null : url
}

/** `http://localhost:9100/metrics`; null while not listening. */
export function metricsUrl({ address, scheme }: TcpListener): string | null {
  const at = address()
  return at && `${scheme()}://${at.replace(/^(0\.0\.0\.0|\[::\])/, 'localhost')}/metrics`
}
